"""Counts and names the tasks that keep a connection of the pool while they wait for something else.

| event           | fields                                                         |
|-----------------|----------------------------------------------------------------|
| connection_kept | idle_seconds, held_seconds, reason; the task's are bound to it |

A transaction that is open while its task asks another service is the one thing that can still empty the pool.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from celery import current_task
from prometheus_client import Counter

from switchyard.metric import PREFIX

#: A connection that nothing was executed on for so long, altogether, was kept.
IDLE_SECONDS = 2.0

#: In no registry: who serves metrics decides what is among them.
KEPT = Counter(
    f"{PREFIX}task_kept_connections",
    "Times a task kept a connection and did not use it.",
    ["queue", "task"],
    registry=None,
)

log = structlog.get_logger("switchyard.tasks")


class Hold:
    """One connection, from when it is taken from the pool until it is given back. Seconds."""

    def __init__(self) -> None:
        self.reason = "a cursor that was not closed"
        self._began = time.monotonic()
        self._used = 0.0

    @contextmanager
    def in_use(self) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self._used += time.monotonic() - began

    def end(self) -> None:
        held = time.monotonic() - self._began
        idle = held - self._used
        if idle >= IDLE_SECONDS:
            if current_task:
                KEPT.labels(getattr(current_task, "routed_to", ""), current_task.name).inc()
            log.warning(
                "connection_kept",
                reason=self.reason,
                idle_seconds=round(idle, 1),
                held_seconds=round(held, 1),
            )
