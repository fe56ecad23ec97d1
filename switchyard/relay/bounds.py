"""Knows up to which number each queue has been sent, so that no batch reads again what is gone.

Numbers are given at the INSERT and rows are seen from the commit on, so one with a lower number may come
later than one that was sent. Whoever writes to the outbox holds a lock on its table from before he is given a
number until after his commit. So at each look, before it reads a row, the relay asks who holds one:

- Who came since the last look has only numbers above all that were seen before it. Perhaps he is gone again
  already; so each look goes back to that, which is the last batch once more.
- Who is there is remembered with that number. At the first look without him his rows are there to be seen,
  and it goes back to his number.

A late row is thus found by the first look after its commit, whose notification wakes the relay. What has no
part in this is found by a look at everything, now and then and in a thread of its own: rows that were changed
by hand, of a database that was restored, and of those who wrote already when this relay began.
"""

import time
from collections.abc import Collection
from typing import Any

from django.db import connection

from switchyard.outbox.position import first_waiting, positions, remember
from switchyard.relay.batch import Batch
from switchyard.relay.everything import Everything

#: Between two times that the positions are written down.
REMEMBER_SECONDS = 5.0

# Who inserts, updates or deletes; another relay too, which does no harm. Not who only locks rows.
_WRITERS = """
    SELECT virtualtransaction FROM pg_locks
    WHERE locktype = 'relation' AND relation = 'switchyard_outbox'::regclass AND mode = 'RowExclusiveLock'
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND granted AND pid IS DISTINCT FROM pg_backend_pid()
"""


class Bounds:
    """Of one relay. Every number is that of a row."""

    def __init__(self) -> None:
        self._everything = Everything()
        #: Queue to the number behind which its next batch begins. Nothing that waits is passed by.
        self._behind: dict[str, int] = {}
        #: The largest that was seen in any queue, and what that was at the last look.
        self._newest = 0
        self._newest_before: int | None = None
        #: Who writes, to the number above which all of his are; None if he did before we looked.
        self._writers: dict[str, int | None] = {}
        self._remember_at = 0.0
        #: The driver's, of which all this is true.
        self._connection: Any = None

    def waiting(self) -> list[str]:
        """The queues that a message waits for. To be called before each round of batches."""
        if self._connection is None or connection.connection is not self._connection:
            self._begin()
        self._go_back(_writers())
        found = first_waiting(self._behind)
        self._behind |= {queue: number - 1 for queue, number in found.items()}
        self._newest = max([self._newest, *found.values()])
        for queue, number in self._everything.found().items():
            self._behind[queue] = min(number - 1, self._behind.get(queue, number))
            found.setdefault(queue, number)
        return list(found)

    def behind(self, queue: str) -> int:
        return self._behind.get(queue, 0)

    def passed(self, queue: str, batch: Batch, left: Collection[int]) -> None:
        """A batch was committed: ``left`` of its rows are gone. What is still there is not passed by."""
        numbers = [message.pk for message in batch.messages]
        kept = [number for number in numbers if number not in left]
        still = [number - 1 for number in (*kept[:1], batch.skipped) if number is not None]
        self._behind[queue] = min([numbers[-1], *still])
        self._newest = max(self._newest, numbers[-1])

    def remember(self) -> None:
        """Write the positions down, now and then."""
        if time.monotonic() >= self._remember_at and self._behind:
            remember(self._behind)
            self._remember_at = time.monotonic() + REMEMBER_SECONDS

    def _begin(self) -> None:
        """Start from what was written down, on a connection that is new and may be to another server."""
        self._behind = positions()
        self._newest, self._newest_before = max(self._behind.values()), None
        self._writers = {}
        self._everything.soon()
        self._connection = connection.connection

    def _go_back(self, writers: Collection[str]) -> None:
        """As far as a row may have been committed since the last look. ``writers``: who writes now."""
        before, self._newest_before = self._newest_before, self._newest
        gone = [self._writers.pop(writer) for writer in self._writers.keys() - writers]
        for writer in writers:
            self._writers.setdefault(writer, before)
        if None in gone:
            self._everything.soon()
        lowest = min((number for number in (before, *gone) if number is not None), default=self._newest)
        self._behind = {queue: min(number, lowest) for queue, number in self._behind.items()}


def _writers() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(_WRITERS)
        return {writer for (writer,) in cursor.fetchall()}
