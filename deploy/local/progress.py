"""How far the work is: one line that is rewritten on a terminal, a line every two seconds elsewhere."""

import sys
import time
from collections import deque
from math import ceil
from typing import TextIO

_EVERY_SECONDS = 2.0
_WINDOW_SECONDS = 5.0


class Progress:
    """Shows how much of `total` is done, the rate of the last few seconds, and what remains at that."""

    def __init__(self, total: int, output: TextIO = sys.stdout) -> None:
        self.total = total
        self._output = output
        self._rewrites = output.isatty()
        self._started = self._printed = time.monotonic()
        self._seen: deque[tuple[float, int]] = deque([(self._started, 0)])

    def show(self, done: int, details: str) -> None:
        now = time.monotonic()
        self._seen.append((now, done))
        while now - self._seen[0][0] > _WINDOW_SECONDS:
            self._seen.popleft()
        if self._rewrites:
            self._output.write(f"\r\x1b[K{self._line(details)}")
        elif now - self._printed >= _EVERY_SECONDS:
            self._output.write(f"{self._line(details)}\n")
            self._printed = now
        self._output.flush()

    def end(self) -> None:
        if self._rewrites:
            self._output.write("\n")

    def _line(self, details: str) -> str:
        (first, before), (last, done) = self._seen[0], self._seen[-1]
        pace = rate_and_remaining(done - before, self.total - done, last - first)
        return f"{last - self._started:4.0f} s  {details}  {pace}"


def rate_and_remaining(done: int, left: int, seconds: float) -> str:
    """The pace at which `done` was done in `seconds`, and how long `left` takes at that."""
    rate = done / seconds if seconds > 0.5 else 0.0
    remaining = f"  about {ceil(left / rate)} s left" if rate and left > 0 else ""
    return f"{rate:.0f}/s{remaining}"
