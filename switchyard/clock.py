"""Tells a time that can be from one that a wrong clock has written."""

import math
import time
from datetime import datetime

#: How far two clocks that are right may lie apart: the database's before and after a switchover, for one.
TOLERANCE_SECONDS = 60.0


def age(seconds: float | None) -> float | None:
    """What may be shown as an age; None is left. What lies in the future has none, and is infinitely bad."""
    if seconds is None or seconds >= 0:
        return seconds
    return 0.0 if seconds >= -TOLERANCE_SECONDS else math.inf


class Step:
    """Notices that another clock was set, by the one of this process that nobody sets.

    Not shared between threads.
    """

    def __init__(self) -> None:
        self._last: tuple[datetime, float] | None = None

    def seconds(self, now: datetime) -> float:
        """By how much that clock has gone too far since the last call; below 0: it went back.

        0 for less than TOLERANCE_SECONDS. While a machine sleeps the clock of its processes stands still.
        """
        monotonic, last = time.monotonic(), self._last
        self._last = now, monotonic
        if last is None:
            return 0.0
        step = (now - last[0]).total_seconds() - (monotonic - last[1])
        return step if abs(step) > TOLERANCE_SECONDS else 0.0
