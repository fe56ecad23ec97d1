"""Searches the dead letters for a page, within the time that somebody waits for it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from switchyard.deadletters.letter import DeadLetter
from switchyard.deadletters.places import Place
from switchyard.deadletters.queue import broker
from switchyard.deadletters.scan import Accepts, Act, Scan, Selection, Tally
from switchyard.ops import timeouts
from switchyard.stop import Stop

#: Dead letters of one queue that are looked at for one page. What was looked at is held meanwhile.
MOST_LOOKED_AT = 2000

#: Why something cannot be done with a dead letter; empty if it can.
WhyNot = Callable[[DeadLetter], str]


def nothing(_: DeadLetter) -> str:
    return ""


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

    def end(self) -> None:
        """Nothing to leave behind."""


@dataclass
class Found:
    """What a scan found: the first dead letters, and how many there are of each kind."""

    letters: list[DeadLetter] = field(default_factory=list)
    found: Tally = field(default_factory=Tally)
    refused: Tally = field(default_factory=Tally)
    searches: list[QueueSearch] = field(default_factory=list)
    #: When the last of those that were found had died: none that dies later was counted.
    newest: datetime | None = None

    @property
    def whole(self) -> bool:
        return all(progress.whole for progress in self.searches)

    def add(self, letter: DeadLetter, keep: int) -> None:
        self.found.add(letter)
        if len(self.letters) < keep:
            self.letters.append(letter)
        if letter.died_at and (self.newest is None or letter.died_at > self.newest):
            self.newest = letter.died_at


def search(places: Sequence[Place], selection: Selection, why_not: WhyNot = nothing, keep: int = 0) -> Found:
    """Count what is meant and keep the first ``keep``. Changes nothing. Raises Unavailable."""
    seen = Found()
    with broker() as connection:
        for place in places:
            scan = _scan(seen, place, selection, None, timeouts.LOOK_SECONDS / len(places))
            for letter in scan.letters(connection, _accepting(seen.refused, why_not)):
                seen.add(letter, keep)
    return seen


def act(places: Sequence[Place], selection: Selection, why_not: WhyNot, do: Act, most: int) -> int:
    """Do it with at most ``most`` of those that are meant, and take them out. Returns how many.

    Raises Unavailable; what was done until then is written down (switchyard/deadletters/actions.py).
    """
    done = Found()
    with broker() as connection:
        for place in places:
            if done.found.total < most:
                left, seconds = most - done.found.total, timeouts.ACT_SECONDS / len(places)
                scan = _scan(done, place, selection, left, seconds)
                accepts = _accepting(done.refused, why_not)
                for letter in scan.act(connection, accepts, do, rate=float("inf")):
                    done.add(letter, 0)
    return done.found.total


def _scan(seen: Found, place: Place, selection: Selection, limit: int | None, seconds: float) -> Scan:
    progress = QueueSearch(place.queue, time.monotonic() + seconds)
    scan = Scan([place], selection, limit, progress)
    progress.stop = scan.stop
    seen.searches.append(progress)
    return scan


def _accepting(refused: Tally, why_not: WhyNot) -> Accepts:
    def accepts(letter: DeadLetter) -> bool:
        why = why_not(letter)
        if why:
            refused.add(letter, why)
        return not why

    return accepts
