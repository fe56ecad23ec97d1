class LocalError(RuntimeError):
    """Something a person has to do; its message is one sentence that says what came and what to do."""
