"""Looks for one task's dead letters on the broker, within the time that somebody waits for a page."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from switchyard.conf import conf
from switchyard.deadletters.letter import DeadLetter
from switchyard.deadletters.places import Place
from switchyard.deadletters.queue import broker
from switchyard.deadletters.scan import Scan, Selection
from switchyard.deadletters.turn import Turn
from switchyard.ops import timeouts
from switchyard.outage import NotYet
from switchyard.stop import Stop

#: Dead letters of one queue that are looked at for one page. What was looked at is held meanwhile.
MOST_LOOKED_AT = 2000


class Busy(Exception):
    """Somebody else walks through the dead letters, and what he holds is out of sight."""

    def __init__(self) -> None:
        super().__init__(
            "A job works on the dead letters, or somebody walks through them: what this one holds can be "
            "seen when that is over."
        )


@dataclass
class QueueSearch:
    """How far into one queue a scan came. Ends it: ``stop`` is that of the scan it watches."""

    queue: str
    deadline: float
    waiting: int = 0
    looked_at: int = 0
    stop: Stop = field(default_factory=Stop)

    @property
    def whole(self) -> bool:
        return self.looked_at >= self.waiting

    def expect(self, count: int) -> None:
        self.waiting += count

    def step(self) -> None:
        self.looked_at += 1
        if self.looked_at >= MOST_LOOKED_AT or time.monotonic() >= self.deadline:
            self.stop.set()


@dataclass
class Found:
    letters: list[DeadLetter] = field(default_factory=list)
    searches: list[QueueSearch] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        return all(progress.whole for progress in self.searches)

    @property
    def said(self) -> str:
        """Of a search that was not whole."""
        parts = ", ".join(
            f"{each.looked_at:,} of {each.waiting:,} in {each.queue}"
            for each in self.searches
            if not each.whole
        )
        return (
            f"What it holds was not found in the time of a page, which looked at the first {parts}. "
            f"`{conf.COMMAND} deadletters show ID` looks at all."
        )


def search(places: Sequence[Place], selection: Selection, most: int) -> Found:
    """The first of those that are meant. Changes nothing. Raises Unavailable, Busy."""
    seen = Found()
    with Turn() as turn:
        _take(turn)
        with broker() as connection:
            for place in places:
                progress = QueueSearch(place.queue, time.monotonic() + timeouts.LOOK_SECONDS / len(places))
                scan = Scan([place], selection, most - len(seen.letters), progress)
                progress.stop = scan.stop
                seen.searches.append(progress)
                seen.letters += scan.letters(connection)
                if len(seen.letters) >= most:
                    break
    return seen


def _take(turn: Turn) -> None:
    """Raises Busy. Who cannot be asked is in nobody's way."""
    try:
        if not turn.take():
            raise Busy
    except NotYet:
        return
