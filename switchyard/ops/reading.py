"""Asks several sources at once, and says of each what it said and when, or why it said nothing.

What was not there at its deadline is unknown, which counts as bad: an old number would look like a fresh one.
A source is asked by one thread of the process at a time, whoever looks: a lock that all pages wait behind
costs one connection, and PostgreSQL itself ends what waits for longer than a page does.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

import structlog
from django.db import DatabaseError, InterfaceError
from django.utils import timezone

from switchyard.broker.management import ManagementError
from switchyard.deadline import BoundedRead
from switchyard.ops import timeouts
from switchyard.outage import first_line
from switchyard.postgresql.limits import limited
from switchyard.sqlstate import is_cancelled

T = TypeVar("T")

log = structlog.get_logger("switchyard.ops")


@dataclass(frozen=True, slots=True)
class Reading(Generic[T]):
    """What one source said. ``value`` is None if it said nothing, and then ``trouble`` is why."""

    source: str
    at: datetime
    value: T | None
    trouble: str = ""

    @property
    def age_seconds(self) -> float:
        return max(0.0, (timezone.now() - self.at).total_seconds())


class Question(Generic[T]):
    """Something that pages ask of a source, in words for whoever reads them."""

    def __init__(self, source: str, read: Callable[[], T]) -> None:
        self._source = source
        self._read = BoundedRead(lambda: (timezone.now(), read()), 0)

    def begin(self) -> Callable[[], Reading[T]]:
        """Ask, and return what to call for the answer: it waits no longer than somebody does for a page."""
        deadline = time.monotonic() + timeouts.PAGE_SECONDS
        begun = self._read.begin()
        return lambda: self._answer(begun, deadline)

    def ask(self) -> Reading[T]:
        return self.begin()()

    def _answer(self, begun: "Future[tuple[datetime, T]]", deadline: float) -> Reading[T]:
        try:
            at, value = begun.result(max(0.0, deadline - time.monotonic()))
        except Exception as error:  # noqa: BLE001 - whatever it is, it takes no other part along
            return Reading(self._source, timezone.now(), None, _why(self._source, error))
        return Reading(self._source, at, value)


def of_database(read: Callable[[], T]) -> Callable[[], T]:
    """``read``, ended by PostgreSQL when no page waits for it any more."""

    def within() -> T:
        with limited(timeouts.PAGE_SECONDS):
            return read()

    return within


def _why(source: str, error: Exception) -> str:
    if isinstance(error, ManagementError):
        return str(error)
    if isinstance(error, TimeoutError) or is_cancelled(error):
        return f"{source} did not answer within {timeouts.PAGE_SECONDS} s."
    if isinstance(error, DatabaseError | InterfaceError):
        return f"{source} did not answer ({first_line(error)})."
    log.error("unreadable", part=source, exc_info=error)
    return f"{source} could not be read ({type(error).__name__}: {first_line(error)})."
