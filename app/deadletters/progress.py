"""How far a round is: a bar that is redrawn on a terminal, a line every few seconds elsewhere."""

import time
from typing import TextIO

BAR = 24
REDRAW_SECONDS = 0.2
LINE_SECONDS = 5.0


class Progress:
    """Of what is looked at, on ``output``, so that what is found can go elsewhere."""

    def __init__(self, output: TextIO) -> None:
        self._output = output
        self._redraws = output.isatty()
        self._every = REDRAW_SECONDS if self._redraws else LINE_SECONDS
        self._started = self._shown = time.monotonic()
        self._expected = 0
        self._seen = 0

    def expect(self, count: int) -> None:
        """So many more are to be looked at."""
        self._expected += count

    def step(self) -> None:
        """One was looked at."""
        self._seen += 1
        now = time.monotonic()
        if now - self._shown >= self._every:
            self._shown = now
            self._write(self._line(now - self._started))

    def end(self) -> None:
        """Leave the terminal's line free for what comes next."""
        if self._redraws:
            self._output.write("\r\x1b[K")
            self._output.flush()

    def _line(self, seconds: float) -> str:
        expected = max(self._expected, self._seen)
        full = BAR * self._seen // expected
        pace = self._seen / seconds
        left = round((expected - self._seen) / pace)
        bar = "#" * full + "." * (BAR - full)
        return f"[{bar}] {self._seen} of {expected} dead letters  {pace:.0f}/s  about {left} s left"

    def _write(self, line: str) -> None:
        self._output.write(f"\r\x1b[K{line}" if self._redraws else f"{line}\n")
        self._output.flush()
