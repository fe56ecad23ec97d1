"""Reads the oldest wait of each queue, which quorum queues do not tell, from its canary's row."""

from dataclasses import dataclass

from django.db import DatabaseError, InterfaceError, connection

from switchyard.deadline import BoundedRead

#: Seconds that a reader is kept at most.
WAIT_SECONDS = 1.5
#: After so long the last canary says nothing any more of a queue that is empty, and gets no canary as long as
#: nobody works on it (scaled to zero).
STALE_SECONDS = 120

_READ = """
    SELECT queue, wait_seconds,
        extract(epoch FROM clock_timestamp() - returned_at)::float,
        extract(epoch FROM clock_timestamp() - waiting_since)::float
    FROM switchyard_canary
"""


@dataclass(frozen=True, slots=True)
class Wait:
    """Of one queue, in seconds."""

    #: From the commit of the last canary that came back until it began to run; None before the first.
    last_seconds: float | None
    #: Since that came back.
    age_seconds: float | None
    #: Since the commit of the oldest canary that has not; None if none is on its way.
    waiting_seconds: float | None

    def oldest_seconds(self, *, empty: bool) -> float | None:
        """The longer of the two, so that it rises by itself while nothing moves."""
        if self.waiting_seconds is None and empty and (self.age_seconds or 0) > STALE_SECONDS:
            return 0.0
        return max(filter(None, (self.last_seconds, self.waiting_seconds)), default=self.last_seconds)


def read_waits() -> dict[str, Wait]:
    """Queue to its wait, as far as a canary was ever sent; empty while the database is away."""
    try:
        return BoundedRead(waits, WAIT_SECONDS).result()
    except (TimeoutError, DatabaseError, InterfaceError):
        return {}


def waits() -> dict[str, Wait]:
    """The same on this thread's connection. Raises django.db.Error."""
    with connection.cursor() as cursor:
        cursor.execute(_READ)
        return {queue: _wait(*numbers) for queue, *numbers in cursor.fetchall()}


def _wait(last: float | None, age: float | None, waiting: float | None) -> Wait:
    """A canary from the future (a clock was set back) was sent now, at the earliest; another one follows."""
    return Wait(last, None if age is None else max(0.0, age), None if waiting is None else max(0.0, waiting))
