"""Goes through all entries now and then, a page at each look, for what no trigger has seen.

A restore with triggers disabled, a row written by hand, a clock that was wrong, a new release or new zone
data that compute another due time: all of it leaves a due time that nobody would look at. Due entries are
sent between two pages.
"""

import time
from datetime import datetime

from switchyard.schedule.mending import mend
from switchyard.schedule.rows import entries_after, match_clocks

EVERY_SECONDS = 300.0
PAGE = 200


class Review:
    """Not shared between threads. Its methods raise django.db.Error."""

    def __init__(self) -> None:
        self._begin_at = 0.0
        self._after: int | None = None

    def begin(self) -> None:
        """Begin anew with the next page."""
        self._begin_at, self._after = 0.0, None

    def page(self, now: datetime) -> list[int]:
        """Keys of the next entries to look at; none when all have been, until it is time again."""
        if self._after is None:
            if time.monotonic() < self._begin_at:
                return []
            self._begin_at, self._after = time.monotonic() + EVERY_SECONDS, 0
            match_clocks()
            mend(now)
        found = entries_after(self._after, PAGE)
        self._after = found[-1] if found else None
        return found
