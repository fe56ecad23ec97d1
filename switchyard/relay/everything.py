"""Looks at the whole outbox now and then, beside the relay's own work."""

import time
from concurrent.futures import Future

import structlog
from django.db import Error as DatabaseError

from switchyard.deadline import BoundedRead
from switchyard.outbox.position import first_waiting

#: Between two looks, at least.
PAUSE_SECONDS = 10.0
#: And so many times as long as the last one took: a million rows that are gone and kept take a second.
PAUSE_FOR_EACH_SECOND = 30.0

log = structlog.get_logger("switchyard.outbox")


class Everything:
    """Finds what waits by no memory of what was sent. Never waited for."""

    def __init__(self) -> None:
        self._read = BoundedRead(_first_of_all, 0)
        self._running: Future[tuple[dict[str, int], float]] | None = None
        self._due = 0.0

    def soon(self) -> None:
        """Look again as soon as the look that may be running is over."""
        self._due = 0.0

    def found(self) -> dict[str, int]:
        """Each queue that a message waits for to the number of its first, when a look is over; else empty."""
        if self._running is None:
            if time.monotonic() >= self._due:
                self._due = float("inf")
                self._running = self._read.begin()
            return {}
        if not self._running.done():
            return {}
        done, self._running = self._running, None
        try:
            found, seconds = done.result()
        except DatabaseError as error:
            log.warning("not_looked", reason=str(error).strip())
            found, seconds = {}, 0.0
        self._due = min(self._due, time.monotonic() + max(PAUSE_SECONDS, PAUSE_FOR_EACH_SECOND * seconds))
        return found


def _first_of_all() -> tuple[dict[str, int], float]:
    """And the seconds it took."""
    began = time.monotonic()
    return first_waiting({}), time.monotonic() - began
