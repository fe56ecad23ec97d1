"""What the books say when they are closed: lost, phantom, repeated, and what no fault explains."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

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
    promised = set(Promise.objects.values_list("key", flat=True))
    effects = Counter(Effect.objects.values_list("key", flat=True))
    runs = _runs()
    injuries = list(faults)
    return Verdict(
        promised=len(promised),
        lost=sorted(promised - effects.keys() - set(elsewhere)),
        phantom=sorted((effects.keys() | runs.keys()) - promised),
        repeated_effects=sorted(key for key, count in effects.items() if count > 1),
        repeated_runs=sorted(key for key, starts in runs.items() if len(starts) > 1),
        unexplained_runs=sorted(key for key, starts in runs.items() if not _explained(starts, injuries)),
    )


def _runs() -> dict[str, list[float]]:
    """The starts of each key's executions, oldest first, a retry that the task asked for not counted."""
    runs: dict[tuple[str, int], list[float]] = {}
    for key, attempt, started in Execution.objects.order_by("started").values_list(
        "key", "attempt", "started"
    ):
        runs.setdefault((key, attempt), []).append(started)
    longest: dict[str, list[float]] = {}
    for (key, _), starts in runs.items():
        longest[key] = max(longest.get(key, []), starts, key=len)
    return longest


def _explained(starts: list[float], faults: list[Fault]) -> bool:
    """Whether a fault lies between each start and the next, or was just over before the first of the two."""
    return all(
        any(fault.began <= second and fault.ended + AFTERMATH_SECONDS >= first for fault in faults)
        for first, second in pairwise(starts)
    )
