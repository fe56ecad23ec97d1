"""Knows before which moment no entry is due any more, so that no look reads again what is gone.

Each tick writes a new due time into its entry's clock. A transaction that stays open (a dump, a forgotten
BEGIN) keeps the old ones, and they are in the index in front of the first that is due. So each look begins
with what the last one found first. In front of that comes only

- an edit: the triggers mark it, and each look asks for the mark as well;
- what beat itself has written since: it says so (``moved``);
- what somebody else has, a hand or the beat that had the lease before: the review finds it, now and then and
  when the lease is taken (``switchyard.schedule.review``).
"""

from collections.abc import Iterable
from datetime import datetime

from switchyard.schedule.models import Clock
from switchyard.schedule.rows import EDITED, due_entries, next_look


class Bound:
    """Of one beat. Its methods raise django.db.Error."""

    def __init__(self) -> None:
        self._since = EDITED

    def due(self, now: datetime, most: int) -> list[int]:
        """Keys of the entries to look at, those that wait longest first."""
        found = due_entries(self._since, now, most)
        waiting = [due_at for _, due_at in found if due_at > EDITED]
        if waiting:
            self._since = waiting[0]
        elif len(found) < most:
            self._since = now
        return [key for key, _ in found]

    def moved(self, clocks: Iterable[Clock]) -> None:
        """To be told of all that was written since the last look: an edit may have been due long ago."""
        self._since = min([self._since, *(clock.due_at for clock in clocks if clock.due_at)])

    def next_look(self) -> datetime | None:
        """When the next of all entries is to be looked at; None for never."""
        return next_look(self._since)
