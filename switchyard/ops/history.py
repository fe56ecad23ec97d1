"""Reads how deep the queues were, finds since when they grow, and draws the line that shows it.

The samples are those that the broker's management plugin keeps of its own accord.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from switchyard.broker.management import Management
from switchyard.metrics.samples import Sample, samples_of
from switchyard.routing import QUEUES

#: Minutes looked back, and seconds between two samples. Kept are 10 minutes at 5 s and an hour at 60 s.
STEPS = {10: 10, 60: 60}

#: Changes up to this part of the highest depth are no change of direction.
NOISE = 0.05

#: Of the line, in the units of its SVG.
WIDTH = 240
HEIGHT = 40


@dataclass(frozen=True, slots=True)
class Rise:
    """From when (Unix time) and how deep a queue has grown to what it is now."""

    since: float
    depth: int


def read_histories(management: Management, minutes: int) -> dict[str, tuple[Sample, ...]]:
    """Queue to its samples, the oldest first, waiting and held messages together. Raises ManagementError."""
    query = {"lengths_age": str(minutes * 60), "lengths_incr": str(STEPS[minutes])}
    ours = "|".join(map(re.escape, QUEUES))
    rows = management.matching("queues", f"^({ours})$", ["name"], ["messages_details"], **query)
    return {row["name"]: samples_of(row.get("messages_details")) for row in rows}


def rise(samples: Sequence[Sample]) -> Rise | None:
    """The low point from which the queue has grown to what it is; None if it is not growing."""
    if not samples:
        return None
    noise = max(1.0, NOISE * max(depth for _, depth in samples))
    since, low = samples[-1]
    for (_, later), (at, earlier) in pairwise(reversed(samples)):
        if earlier > max(later, low) + noise:
            break
        if earlier < low:
            since, low = at, earlier
    return Rise(since, low) if samples[-1][1] - low > noise else None


def points(samples: Sequence[Sample]) -> str:
    """For the attribute ``points`` of an SVG polyline; the top is the highest, the bottom is zero."""
    if len(samples) < 2:
        return ""
    start = samples[0][0]
    span = samples[-1][0] - start or 1.0
    top = highest(samples) or 1
    return " ".join(
        f"{WIDTH * (at - start) / span:.1f},{HEIGHT - HEIGHT * depth / top:.1f}" for at, depth in samples
    )


def highest(samples: Sequence[Sample]) -> int:
    return max((depth for _, depth in samples), default=0)
