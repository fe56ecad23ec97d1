"""Keeps signals waiting until a step of beat is over."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

#: Shorter than any grace period: what a tick has begun is rolled back if its process ends there.
GRACE_SECONDS = 8


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let SIGTERM and SIGINT wait until the block is left. After ``GRACE_SECONDS`` they end the process.

    Celery's handler raises SystemExit wherever beat is at that moment. In the middle of a query or a publish
    that exception was seen to be swallowed, and beat went on until it was killed. For the main thread.
    """
    waiting: list[int] = []

    def wait(number: int, _frame: Any) -> None:
        waiting.append(number)
        # Nobody handles SIGALRM, so it ends the process even inside a call that does not return.
        signal.alarm(GRACE_SECONDS)

    before = {number: signal.signal(number, wait) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if waiting:
            signal.alarm(0)
            signal.raise_signal(waiting[0])
