"""Writes the log's lines, those of several threads by one call, and lets none wait for another.

The standard library's handler holds a lock while it writes, and lets the interpreter's lock go for as long: a
hundred threads that end a task each then queue for both. Here a thread whose turn it is not leaves its line
with the one that is writing. When stderr takes nothing (a pipe whose reader stands still), lines wait up to a
bound; what is beyond that is dropped, and counted in a line of its own when stderr takes lines again:
``log_lines_dropped``, with their ``count``.
"""

import logging
import os
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from select import PIPE_BUF
from threading import Lock, RLock
from typing import Any

#: Characters of lines that wait for stderr; and so few lines always may, as to add them up takes time.
MOST_CHARACTERS = 4_000_000
FEW_LINES = 100


class LineHandler(logging.StreamHandler):  # type: ignore[type-arg]
    """``StreamHandler``, to stderr. A line is written before the call that made it returns, or by a thread
    that is writing at that moment.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lines: deque[str] = deque()
        self._dropped = 0
        self._counting = Lock()
        #: Knows its owner, so that a thread which was interrupted in its turn can be found to have it still.
        self._turn = RLock()
        self._together = False
        os.register_at_fork(after_in_child=self._begin_anew)

    def handle(self, record: logging.LogRecord) -> bool:
        """As the standard library's, without its lock."""
        found: Any = self.filter(record)
        if found:
            # From Python 3.12 on a filter may answer with another record.
            self.emit(found if isinstance(found, logging.LogRecord) else record)
        return bool(found)

    def emit(self, record: logging.LogRecord) -> None:
        if self._full():
            with self._counting:
                self._dropped += 1
            return
        try:
            self._lines.append(self.format(record) + self.terminator)
        except Exception:  # noqa: BLE001 - logging's own rule: a line that cannot be made stops nobody
            self.handleError(record)
        self._write_unless_somebody_does()

    def flush(self) -> None:
        with self._turn:
            self._write()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Write what is logged inside the block at its end, by as few calls as a pipe allows."""
        with self._turn:
            self._together = True
            try:
                yield
            finally:
                self._together = False
                self._write()
        self._write_unless_somebody_does()

    def leave_turn(self) -> None:
        """Let others write, if it is this thread that has the turn.

        An exception that is raised into a thread (a soft limit) can come between any two steps of it, and so
        after the turn was taken and before anything is there to end it.
        """
        while self._own_turn():
            self._turn.release()

    def _write_unless_somebody_does(self) -> None:
        """Whoever leaves a line finds the turn taken or takes it, and whoever had it looks once more."""
        while self._lines and not (self._together and self._own_turn()):
            try:
                if not self._turn.acquire(blocking=False):
                    return
                self._write()
            finally:
                self.leave_turn()

    def _own_turn(self) -> bool:
        owned: bool = self._turn._is_owned()  # type: ignore[attr-defined] # noqa: SLF001 - no public reader
        return owned

    def _full(self) -> bool:
        waiting = len(self._lines)
        return waiting >= FEW_LINES and sum(map(len, tuple(self._lines))) >= MOST_CHARACTERS

    def _write(self) -> None:
        while self._lines:
            self._say_what_was_dropped()
            text = self._next_lines()
            try:
                self.stream.write(text)
                self.stream.flush()
            except Exception:  # noqa: BLE001 - as above; stderr may be closed
                self.handleError(logging.makeLogRecord({"msg": text}))

    def _say_what_was_dropped(self) -> None:
        """As soon as there is room again."""
        if self._dropped and not self._full():
            with self._counting:
                count, self._dropped = self._dropped, 0
            fields = {"name": __name__, "levelname": "ERROR", "msg": "log_lines_dropped", "count": count}
            self._lines.append(self.format(logging.makeLogRecord(fields)) + self.terminator)

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
        self._dropped = 0
        self._counting = Lock()
        self._turn = RLock()
        self._together = False


def _bytes(line: str) -> int:
    return len(line.encode(errors="replace"))


def together() -> AbstractContextManager[None]:
    """A block whose lines, of this process, are written at its end, by as few calls as a pipe allows."""
    handler = _handler()
    return handler.together() if handler else nullcontext()


def leave_turn() -> None:
    """For a thread that was interrupted wherever it was, and is there no more."""
    if handler := _handler():
        handler.leave_turn()


def _handler() -> LineHandler | None:
    return next((each for each in logging.root.handlers if isinstance(each, LineHandler)), None)
