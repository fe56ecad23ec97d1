"""What a part of the benchmark measured, and how it is shown."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One number. ``reach`` is the bound to keep, ``control`` what ``control_is`` gave in the same run."""

    part: str
    what: str
    value: float
    unit: str
    reach: float | None = None
    #: Whether more is better; less is, for all that costs.
    more: bool = False
    control: float | None = None
    control_is: str = ""

    @property
    def reached(self) -> bool | None:
        if self.reach is None:
            return None
        return self.value >= self.reach if self.more else self.value <= self.reach

    def as_object(self) -> dict[str, Any]:
        return asdict(self) | {"reached": self.reached}


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of the values is not above."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def table(figures: Sequence[Figure]) -> str:
    """The figures in Markdown."""
    lines = ["| part | figure | ours | reach | reached | control |", "|---|---|---:|---:|---|---|"]
    lines += [f"| {' | '.join(_cells(figure))} |" for figure in figures]
    return "\n".join(lines)


def _cells(figure: Figure) -> list[str]:
    sign = "≥" if figure.more else "≤"
    reach = "" if figure.reach is None else f"{sign} {_number(figure.reach)}"
    reached = {None: "", True: "yes", False: "**no**"}[figure.reached]
    control = "" if figure.control is None else f"{_number(figure.control)} ({figure.control_is})"
    return [figure.part, figure.what, f"{_number(figure.value)} {figure.unit}", reach, reached, control]


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
