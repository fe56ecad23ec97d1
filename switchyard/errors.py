"""What a role or a verb ends with when something that it needs is away."""

from django.core.management.base import CommandError

#: Exit code of what needed a server that was away, beside 1 (a check found something) and 2 (wrong usage).
UNAVAILABLE = 3


class Unavailable(CommandError):
    """A need was not met in time, or never will be. Says what, and what to change."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, returncode=UNAVAILABLE)


class NotYet(Exception):
    """The need is not met at this moment. Says what is missing."""


def first_line(error: BaseException) -> str:
    """What an error says in one line, or else its class."""
    return str(error).strip().partition("\n")[0] or type(error).__name__
