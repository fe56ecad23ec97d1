"""Matches each of the broker's answers to its message."""

import time
from dataclasses import dataclass, field


@dataclass
class Outcome:
    """What became of a batch, by row. A row that is in none of these was not confirmed, and stays."""

    #: Seconds from publish to confirm.
    confirmed: dict[int, float] = field(default_factory=dict)
    #: Why it was refused for its own fault.
    refused: dict[int, str] = field(default_factory=dict)
    #: Why no queue wanted it.
    returned: dict[int, str] = field(default_factory=dict)
    #: Refused by a full queue.
    nacked: set[int] = field(default_factory=set)
    #: Why the broker could not be asked about the rest.
    error: Exception | None = None

    @property
    def settled(self) -> set[int]:
        return self.confirmed.keys() | self.refused.keys() | self.returned.keys() | self.nacked

    def add(self, other: "Outcome") -> None:
        self.confirmed |= other.confirmed
        self.refused |= other.refused
        self.returned |= other.returned
        self.nacked |= other.nacked
        self.error = other.error


class Window:
    """The messages of one channel that wait for their confirm, by delivery tag.

    The broker counts publishes from 1 and answers in any order, one tag or all up to a tag at a time. A tag
    that is not waited for says nothing about any other message.
    """

    def __init__(self) -> None:
        #: Whether anything was ever confirmed here.
        self.proven = False
        self._tag = 0
        self._waiting: dict[int, tuple[int, float]] = {}
        self._outcome = Outcome()

    def __len__(self) -> int:
        return len(self._waiting)

    def open(self, outcome: Outcome) -> None:
        """Write what is answered from now on into ``outcome``."""
        self._outcome = outcome

    def published(self, row: int) -> None:
        """To be called in the order of the publishes, which is the broker's count."""
        self._tag += 1
        self._waiting[self._tag] = (row, time.monotonic())

    def acked(self, tag: int, multiple: bool) -> None:
        self.proven = True
        for row, since in self._answered(tag, multiple):
            # A message that was returned is acked too, after its return.
            if row not in self._outcome.returned:
                self._outcome.confirmed[row] = time.monotonic() - since

    def nacked(self, tag: int, multiple: bool) -> None:
        self._outcome.nacked |= {row for row, _ in self._answered(tag, multiple)}

    def returned(self, row: int, reason: str) -> None:
        self._outcome.returned[row] = reason

    def _answered(self, tag: int, multiple: bool) -> list[tuple[int, float]]:
        tags = [each for each in self._waiting if each <= tag] if multiple else [tag]
        return [self._waiting.pop(each) for each in tags if each in self._waiting]
