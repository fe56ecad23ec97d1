"""The result of a task that is sent with a commit, and its id in one."""

from typing import Any

from celery.result import AsyncResult, EagerResult

from switchyard.tasks.discarded import Result


# Celery's class first: it compares with other results, and with text.
class SentResult(Result, str):
    """Celery's AsyncResult, which can be stored and compared as the text of its id as well.

    A column, a cache key or JSON that the id goes into need not know of it, and who compares it with an id
    that was kept as text before finds them equal.
    Raises ValueError for an id that is None, as Celery's does.
    """

    def __new__(cls, task_id: str, *_: Any, **__: Any) -> "SentResult":
        return str.__new__(cls, task_id)


def as_text_too(result: Any) -> SentResult:
    """The same result as a SentResult. What a project's own ``apply_async`` may return else, as it is."""
    if (
        type(result) is not SentResult
        and isinstance(result, AsyncResult)
        and not isinstance(result, EagerResult)
    ):
        sent = SentResult(result.id, backend=result.backend, app=result.app, parent=result.parent)
        sent.task, sent.ignored = getattr(result, "task", ""), result.ignored
        return sent
    other: SentResult = result
    return other
