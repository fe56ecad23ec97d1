"""Computes rates and slopes from the history that the broker keeps of a number.

The management plugin keeps one sample every 5 s for about ten minutes, so one read knows the last minute:
nobody has to remember an earlier one, neither the exporter over a restart nor a command that runs once.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

WINDOW_SECONDS = 60
STEP_SECONDS = 5
#: For the management API: how much of which history to send along.
QUERY = {
    "lengths_age": str(WINDOW_SECONDS),
    "lengths_incr": str(STEP_SECONDS),
    "msg_rates_age": str(WINDOW_SECONDS),
    "msg_rates_incr": str(STEP_SECONDS),
}

#: Unix time in seconds and the number then.
Sample = tuple[float, int]


def samples_of(details: Any) -> tuple[Sample, ...]:
    """The samples of a ``*_details`` object, the oldest first. Empty if the broker sends none."""
    found = details.get("samples") if isinstance(details, dict) else None
    pairs = [_pair(entry) for entry in found] if isinstance(found, list) else []
    return tuple(sorted(pair for pair in pairs if pair))


def rate(samples: Sequence[Sample]) -> float | None:
    """Of a counter, per second. A counter that falls was reset (its node restarted) and counts from 0."""
    if len(samples) < 2:
        return None
    steps = (after - before if after >= before else after for (_, before), (_, after) in pairwise(samples))
    return sum(steps) / (samples[-1][0] - samples[0][0])


def slope(samples: Sequence[Sample]) -> float | None:
    """Of a gauge, per second: the straight line that fits the samples best (least squares)."""
    if len(samples) < 2:
        return None
    when = sum(moment for moment, _ in samples) / len(samples)
    what = sum(number for _, number in samples) / len(samples)
    spread = sum((moment - when) ** 2 for moment, _ in samples)
    return sum((moment - when) * (number - what) for moment, number in samples) / spread


def _pair(entry: Any) -> Sample | None:
    match entry:
        case {"timestamp": int() as milliseconds, "sample": int() as number}:
            return milliseconds / 1000, number
    return None
