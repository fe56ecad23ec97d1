"""Puts back what a task has changed in its process, for the next task there.

For a process that runs one task at a time. What threads share cannot be told apart by task: see
deploy/WRITE-A-TASK.md.
"""

import os
import signal
import socket
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog

#: Those that Celery, a time limit, a pool or a task itself may have a handler for.
SIGNALS = (
    signal.SIGALRM,
    signal.SIGCHLD,
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGPIPE,
    signal.SIGQUIT,
    signal.SIGTERM,
    signal.SIGUSR1,
    signal.SIGUSR2,
)

log = structlog.get_logger("switchyard.tasks")


@dataclass(frozen=True)
class Part:
    """One thing that belongs to the whole process."""

    name: str
    read: Callable[[], Any]
    #: Called with what ``read`` returned before the task.
    restore: Callable[[Any], object]


def _environment() -> dict[bytes, bytes]:
    """As os.environ keeps it. A copy by its own methods encodes and decodes each name and value."""
    return dict(os.environ._data)  # type: ignore[attr-defined]  # noqa: SLF001


def _working_directory() -> str | None:
    """None if somebody has removed it."""
    with suppress(FileNotFoundError):
        return os.getcwd()  # noqa: PTH109 - a Path would be made at each task
    return None


def _restore_working_directory(before: str | None) -> None:
    if before:
        os.chdir(before)


def _restore_environment(before: dict[bytes, bytes]) -> None:
    for name in set(os.environb) - set(before):
        del os.environb[name]
    for name, value in before.items():
        if os.environb.get(name) != value:
            os.environb[name] = value


def _restore_handlers(before: list[Any]) -> None:
    for number, handler in zip(SIGNALS, before, strict=True):
        # None is a handler that was not set from Python, and cannot be.
        if handler is not None and signal.getsignal(number) is not handler:
            signal.signal(number, handler)


def _restore_filters(before: list[Any]) -> None:
    warnings.resetwarnings()
    warnings.filters.extend(before)  # type: ignore[attr-defined]


PARTS = (
    Part("environment", _environment, _restore_environment),
    Part("working directory", _working_directory, _restore_working_directory),
    Part("socket default timeout", socket.getdefaulttimeout, socket.setdefaulttimeout),
    # First the alarm, which might come before its handler is put back.
    Part(
        "alarm",
        lambda: signal.getitimer(signal.ITIMER_REAL)[0] > 0,
        lambda _: signal.setitimer(signal.ITIMER_REAL, 0),
    ),
    Part("signal handlers", lambda: [signal.getsignal(number) for number in SIGNALS], _restore_handlers),
    Part("warnings filters", lambda: list(warnings.filters), _restore_filters),
)


class ProcessState:
    """What the process was like when this was made."""

    def __init__(self) -> None:
        self._before = [(part, part.read()) for part in PARTS]

    def restore(self) -> None:
        """Put back what is not as it was, and write ``task_left_behind`` with the names of it."""
        changed = [(part, before) for part, before in self._before if part.read() != before]
        for part, before in changed:
            part.restore(before)
        if changed:
            log.warning("task_left_behind", restored=[part.name for part, _ in changed])
