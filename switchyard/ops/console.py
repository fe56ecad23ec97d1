"""Shows a command's progress at a terminal, and ends it early when told to."""

import getpass
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from switchyard.stop import Stop

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


def user_name() -> str:
    """The operating system's name for whoever runs this; a container's user may have none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


@contextmanager
def stopped_by_signals(stop: Stop) -> Iterator[None]:
    """Let SIGINT and SIGTERM set ``stop`` instead of ending the process wherever it is."""
    before = {
        number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
