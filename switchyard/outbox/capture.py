"""Captures the messages of a block of code, in whatever canvas they are.

By a context variable: it holds for the thread or coroutine that captures, and for nobody else. A producer
that is handed to ``apply_async`` would be dropped by chains.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from switchyard.outbox.metrics import enqueued
from switchyard.outbox.rows import Row


class Block:
    """A block of code as a context remembers it. Whoever copied the context there (an asyncio task, a thread
    that was given it) may outlive the block, and must not go on as if it were still inside.
    """

    def __init__(self) -> None:
        self.open = True


class captured(Block):  # noqa: N801 - a context manager, which a class makes for a third of a generator's cost
    """Keep in a list what is sent inside the block; the broker is not contacted."""

    def __enter__(self) -> list[Row]:
        self.rows: list[Row] = []
        self._began = time.perf_counter()
        self._token = _capture.set(self)
        return self.rows

    def __exit__(self, kind: Any, *_: Any) -> None:
        self.open = False
        _capture.reset(self._token)
        if self.rows and kind is None:
            enqueued(self.rows[0].queue, time.perf_counter() - self._began)


_capture: ContextVar[captured | None] = ContextVar("capture", default=None)
_recorded: ContextVar[list[tuple[Any, dict[str, Any]]] | None] = ContextVar("recorded_messages", default=None)


@contextmanager
def recorded() -> Iterator[list[tuple[Any, dict[str, Any]]]]:
    """Keep, of what is captured inside the block, what Celery handed to its sender: message and options."""
    sent: list[tuple[Any, dict[str, Any]]] = []
    token = _recorded.set(sent)
    try:
        yield sent
    finally:
        _recorded.reset(token)


def captured_rows() -> list[Row] | None:
    """The list of the block around the caller, if that has not ended: who looked there then is gone."""
    capture = _capture.get()
    return capture.rows if capture and capture.open else None


def recorded_messages() -> list[tuple[Any, dict[str, Any]]] | None:
    """The list of the ``recorded`` block around the caller."""
    return _recorded.get()
