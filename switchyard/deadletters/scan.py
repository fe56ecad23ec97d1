"""Scans the dead-letter queues: to count, to show, or to act."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, Protocol

from kombu import Connection

from switchyard.deadletters.letter import DeadLetter
from switchyard.deadletters.places import Place
from switchyard.deadletters.queue import DeadLetterQueue, opened
from switchyard.stop import Stop

#: Dead letters whose records are one transaction.
BATCH = 100

#: Different rows of a count; what would be more is counted together. Task names are whatever was published.
MOST_GROUPS = 500
OTHERS = "(others)"

Act = Callable[[Sequence[DeadLetter]], None]
Accepts = Callable[[DeadLetter], bool]


@dataclass(frozen=True, slots=True)
class Selection:
    """What is not said matches everything. ``task`` is a pattern, as in ROUTES."""

    task: str | None = None
    reason: str | None = None
    task_id: str | None = None
    #: None that died later. One whose death has no time is meant.
    died_by: datetime | None = None

    def matches(self, letter: DeadLetter) -> bool:
        return (
            (self.task is None or fnmatchcase(letter.task, self.task))
            and (self.reason is None or letter.reason == self.reason)
            and (self.task_id is None or letter.task_id == self.task_id)
            and (self.died_by is None or letter.died_at is None or letter.died_at <= self.died_by)
        )


class Watcher(Protocol):
    """Is told how far a round is."""

    def expect(self, count: int) -> None:
        """So many more are to be looked at."""

    def step(self) -> None:
        """One was looked at."""


def always(_: DeadLetter) -> bool:
    return True


@dataclass
class Tally:
    """Dead letters counted by queue, task and reason."""

    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        return self.counts.total()

    def add(self, letter: DeadLetter, why: str | None = None) -> None:
        key = (letter.queue, letter.task, letter.reason if why is None else why)
        full = len(self.counts) >= MOST_GROUPS and key not in self.counts
        self.counts[(letter.queue, OTHERS, OTHERS) if full else key] += 1

    def rows(self, last: str = "reason") -> list[dict[str, Any]]:
        """The most frequent first."""
        return [
            {"queue": queue, "task": task, last: why, "count": count}
            for (queue, task, why), count in self.counts.most_common()
        ]


class Scan:
    """Looks at each dead letter of some queues until the limit is reached or somebody says stop.

    What it has looked at is held until its queue is finished: see ``DeadLetterQueue``.
    """

    def __init__(
        self, places: Sequence[Place], selection: Selection, limit: int | None, progress: Watcher
    ) -> None:
        self.stop = Stop()
        self._places = places
        self._selection = selection
        self._limit = limit
        self.progress = progress
        self._taken = 0

    def letters(self, connection: Connection, accepts: Accepts = always) -> Iterator[DeadLetter]:
        """Those that are meant and accepted. Each queue is given back before the next one is opened."""
        for queue in self._queues(connection):
            yield from self._meant(queue, accepts)

    def act(self, connection: Connection, accepts: Accepts, act: Act, rate: float) -> Iterator[DeadLetter]:
        """Hand the same to ``act`` and take them out, at most ``rate`` a second. Yields what is done."""
        size = max(1, int(min(BATCH, rate / 5)))
        for queue in self._queues(connection):
            for batch in batches(self._meant(queue, accepts), size):
                act(batch)
                queue.take_out(batch)
                yield from batch
                self.stop.wait(len(batch) / rate)

    def _queues(self, connection: Connection) -> Iterator[DeadLetterQueue]:
        for place in self._places:
            if self._over:
                return
            with opened(connection, place) as queue:
                self.progress.expect(queue.waiting)
                yield queue

    def _meant(self, queue: DeadLetterQueue, accepts: Accepts) -> Iterator[DeadLetter]:
        for letter in queue:
            self.progress.step()
            if self._selection.matches(letter) and accepts(letter):
                self._taken += 1
                yield letter
            if self._over:
                return

    @property
    def _over(self) -> bool:
        return self.stop.is_set() or (self._limit is not None and self._taken >= self._limit)


def batches(letters: Iterator[DeadLetter], size: int) -> Iterator[list[DeadLetter]]:
    batch: list[DeadLetter] = []
    for letter in letters:
        batch.append(letter)
        if len(batch) >= size:
            yield batch
            batch = []
    if batch:
        yield batch
