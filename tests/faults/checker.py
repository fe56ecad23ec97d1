"""What the books say when they are closed: lost, phantom, repeated, and what no fault explains."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from tests.faults.ledger.models import Effect, Execution, Promise

#: Seconds after a fault in which its consequences may still begin: a heartbeat must be missed first.
AFTERMATH_SECONDS = 20


@dataclass(frozen=True)
class Fault:
    """Something that was done to the service. Unix times in seconds; ``ended`` is when it was over."""

    kind: str
    began: float
    ended: float


@dataclass(frozen=True)
class Verdict:
    """All keys. A ledger without fault has nothing in any of these but ``promised``."""

    promised: int
    lost: list[str] = field(default_factory=list)
    phantom: list[str] = field(default_factory=list)
    repeated_effects: list[str] = field(default_factory=list)
    repeated_runs: list[str] = field(default_factory=list)
    unexplained_runs: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not (self.lost or self.phantom or self.repeated_effects or self.unexplained_runs)


def verdict(faults: Iterable[Fault] = (), *, elsewhere: Iterable[str] = ()) -> Verdict:
    """Close the books. ``elsewhere`` are keys that are kept where somebody will find them: dead letters."""
    promises = dict(Promise.objects.values_list("key", "at"))
    promised = promises.keys()
    effects = Counter(Effect.objects.values_list("key", flat=True))
    runs = _runs()
    injuries = list(faults)
    return Verdict(
        promised=len(promised),
        lost=sorted(promised - effects.keys() - set(elsewhere)),
        phantom=sorted((effects.keys() | runs.keys()) - promised),
        repeated_effects=sorted(key for key, count in effects.items() if count > 1),
        repeated_runs=sorted(key for key, each in runs.items() if len(each) > 1),
        unexplained_runs=sorted(
            key for key, each in runs.items() if not _explained(each, injuries, promises.get(key))
        ),
    )


class _Run(NamedTuple):
    started: float
    redelivered: bool


def _runs() -> dict[str, list[_Run]]:
    """Each key's executions, oldest first, a retry that the task asked for not counted."""
    runs: dict[tuple[str, int], list[_Run]] = {}
    for key, attempt, *run in Execution.objects.order_by("started").values_list(
        "key", "attempt", "started", "redelivered"
    ):
        runs.setdefault((key, attempt), []).append(_Run(*run))
    longest: dict[str, list[_Run]] = {}
    for (key, _), each in runs.items():
        longest[key] = max(longest.get(key, []), each, key=len)
    return longest


def _explained(runs: list[_Run], faults: list[Fault], promised: float | None) -> bool:
    """Whether a fault lies between each start and the next, or was just over before the first of the two.

    What was published twice was so between its promise and then: two copies that stand in a long queue may
    both start minutes after the fault. The broker marks what it gave out before; a second copy is not marked.
    """

    def since(first: _Run, second: _Run) -> float:
        return first.started if second.redelivered or promised is None else promised

    return all(
        any(
            fault.began <= second.started and fault.ended + AFTERMATH_SECONDS >= since(first, second)
            for fault in faults
        )
        for first, second in pairwise(runs)
    )
