"""Hands work of threads to the worker's event loop, which does it together.

A thread that acknowledges its own task, writes its own line of the log and counts its own outcome gives the
interpreter's lock away at each of them, to threads that are about to do the same. Left here, it is the loop
that does all three for every task that has ended meanwhile: one write to the broker, one to the log.
"""

from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from threading import get_ident
from typing import Any

import structlog

from switchyard.worker.log_handler import together

Job = Callable[[], object]

log = structlog.get_logger("switchyard.tasks")


class Mailbox:
    """Jobs for the loop of the thread that makes it. ``held_back`` makes the block in which they are done."""

    def __init__(self, hub: Any, held_back: Callable[[], AbstractContextManager[None]]) -> None:
        self._hub = hub
        self._held_back = held_back
        self._loop = get_ident()
        self._jobs: deque[tuple[Job, str]] = deque()
        self._called = False

    def post(self, job: Job, task_id: str = "") -> None:
        """Have the job done by the loop, soon; or now, if this is the loop. The id is for its failure's log.

        kombu's loop is woken by other threads only: what it leaves for itself waits for the next event.
        """
        if get_ident() == self._loop:
            job()
            return
        self._jobs.append((job, task_id))
        if not self._called:
            self.call()

    def call(self) -> None:
        """Wake the loop, if there is anything to do. Once more than needed does no harm."""
        if self._jobs:
            self._called = True
            self._hub.call_soon(self.empty)

    def empty(self) -> None:
        """Do all jobs, in the loop's thread. Raises what writing to the broker raises."""
        self._called = False
        with together(), self._held_back():
            while self._jobs:
                self._do(*self._jobs.popleft())

    def _do(self, job: Job, task_id: str) -> None:
        try:
            job()
        except Exception:
            log.exception("task_outcome_unreported", task_id=task_id)
