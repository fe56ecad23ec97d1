"""Bounds how long somebody waits for a page before being told that there is no answer."""

from collections.abc import Callable
from typing import TypeVar

from switchyard.deadline import BoundedRead

T = TypeVar("T")

#: For everything that one page asks of the broker.
PAGE_SECONDS = 2.5
#: For looking at dead letters, and for replaying or discarding some, once the broker has answered.
LOOK_SECONDS = 1.8
ACT_SECONDS = 5.0


class NoAnswer(Exception):
    """What was asked did not answer in time.

    Says so in a sentence, which may be shown to whoever asked.
    """


def within(read: Callable[[], T], what: str) -> T:
    """What ``read`` returns or raises. Raises NoAnswer if it takes too long; it then ends by itself, unheard.

    It runs in a thread, so with database connections of its own.
    """
    try:
        return BoundedRead(read, PAGE_SECONDS).result()
    except TimeoutError:
        raise NoAnswer(f"{what} did not answer within {PAGE_SECONDS} s.") from None
