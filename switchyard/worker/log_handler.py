"""Writes the log's lines, those of several threads by one call, and lets none wait for another.

The standard library's handler holds a lock while it writes, and lets the interpreter's lock go for as long: a
hundred threads that end a task each then queue for both. Here a thread whose turn it is not leaves its line
with the one that is writing. Whoever reads the other end of the pipe may stand still: so many lines are kept
until then, and the rest is counted.

| event             | fields                                          |
|-------------------|-------------------------------------------------|
| log_lines_dropped | lines, since the process began to say so before |
"""

import logging
import os
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from select import PIPE_BUF
from threading import Lock
from typing import Any

import structlog
from celery.exceptions import SoftTimeLimitExceeded

#: Lines that wait while nobody reads stderr: a few megabytes.
MOST_LINES = 10_000

log = structlog.get_logger("switchyard.process")


class LineHandler(logging.StreamHandler):  # type: ignore[type-arg]
    """``StreamHandler``, to stderr. A line is written before the call that made it returns, or by a thread
    that is writing at that moment.
    """

    def __init__(self) -> None:
        super().__init__()
        #: Lines for which there was no room.
        self.dropped = 0
        self._said = 0
        self._lines: deque[str] = deque()
        self._turn = Lock()
        os.register_at_fork(after_in_child=self._begin_anew)

    def handle(self, record: logging.LogRecord) -> bool:
        """As the standard library's, without its lock."""
        found: Any = self.filter(record)
        if found:
            # From Python 3.12 on a filter may answer with another record.
            self.emit(found if isinstance(found, logging.LogRecord) else record)
        return bool(found)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record) + self.terminator
        except SoftTimeLimitExceeded:
            raise
        except Exception:  # noqa: BLE001 - logging's own rule: a line that cannot be made stops nobody
            self.handleError(record)
        else:
            self._keep(line)
        self._write_unless_somebody_does()
        self._say_what_was_dropped()

    def flush(self) -> None:
        with self._turn:
            self._write()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Write what is logged inside the block at its end, by as few calls as a pipe allows."""
        with self._turn:
            try:
                yield
            finally:
                self._write()
        self._write_unless_somebody_does()

    def _keep(self, line: str) -> None:
        if len(self._lines) < MOST_LINES:
            self._lines.append(line)
        else:
            self.dropped += 1

    def _write_unless_somebody_does(self) -> None:
        """Whoever leaves a line finds the turn taken or takes it, and whoever had it looks once more."""
        while self._lines:
            taken: list[bool] = []
            try:
                # Taken and noted by one call: a soft limit that is raised into this thread comes before both
                # or after both, and never leaves a turn behind that nobody knows of.
                taken.extend(map(self._turn.acquire, (False,)))
                if not taken[0]:
                    return
                self._write()
            finally:
                if taken and taken[0]:
                    self._turn.release()

    def _write(self) -> None:
        while self._lines:
            text = self._next_lines()
            try:
                self.stream.write(text)
                self.stream.flush()
            except (OSError, ValueError):
                # Stderr is away, or closed: that stops nobody either.
                self.handleError(logging.makeLogRecord({"msg": text}))

    def _say_what_was_dropped(self) -> None:
        """As soon as there is room for it."""
        lines = self.dropped - self._said
        if lines and not self._lines:
            self._said += lines
            log.warning("log_lines_dropped", lines=lines)

    def _next_lines(self) -> str:
        """As many as a pipe takes whole: other processes may write to the same one (POSIX, PIPE_BUF)."""
        lines = [self._lines.popleft()]
        size = _bytes(lines[0])
        while self._lines and (size := size + _bytes(self._lines[0])) <= PIPE_BUF:
            lines.append(self._lines.popleft())
        return "".join(lines)

    def _begin_anew(self) -> None:
        """In a child of a process, one of whose threads may have been writing."""
        self._lines.clear()
        self._turn = Lock()


def _bytes(line: str) -> int:
    return len(line.encode(errors="replace"))


def lines_dropped() -> int:
    """By this process, since its start."""
    handler = _handler()
    return handler.dropped if handler else 0


def together() -> AbstractContextManager[None]:
    """A block whose lines, of this process, are written at its end, by as few calls as a pipe allows."""
    handler = _handler()
    return handler.together() if handler else nullcontext()


def _handler() -> LineHandler | None:
    return next((each for each in logging.root.handlers if isinstance(each, LineHandler)), None)
