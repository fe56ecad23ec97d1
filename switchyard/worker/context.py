"""Binds what every line of a task's log says: the request it came from, the task and its queue.

As django-structlog does it, with its lines for retries and revocations. What it does around each
task that succeeds (six signals and two lines that are not written) costs a fifth of a small task. So there is
one receiver before each task and one after it, for all that is ours to be done there.
"""

from typing import Any

from celery import bootsteps
from celery.signals import (
    task_failure,
    task_postrun,
    task_prerun,
    task_rejected,
    task_retry,
    task_revoked,
    task_unknown,
)
from django_structlog.celery.receivers import CeleryReceiver
from structlog.contextvars import bind_contextvars, clear_contextvars

from switchyard.outbox.context import HEADER
from switchyard.routing import queue_of_key
from switchyard.worker import losses, strays
from switchyard.worker.failures import write_failure


class ContextStep(bootsteps.Step):
    """Bind the context in a worker before each task, and follow its run (``losses``, ``strays``).

    Before the children of its pool are forked.
    """

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        # Celery's signals hold their receivers weakly.
        self.lines = CeleryReceiver()
        task_prerun.connect(_begin)
        task_postrun.connect(_end)
        strays.connect()
        task_failure.connect(write_failure)
        task_retry.connect(self.lines.receiver_task_retry)
        task_revoked.connect(self.lines.receiver_task_revoked)
        task_rejected.connect(self.lines.receiver_task_rejected)
        task_unknown.connect(self.lines.receiver_task_unknown)


def _begin(task_id: str, task: Any, **_: Any) -> None:
    request = task.request
    _bind(task_id, task, request)
    losses.begin(task_id, request)


def _end(task_id: str, task: Any, **_: Any) -> None:
    try:
        losses.end(task_id, task)
    finally:
        strays.look_after()


def _bind(task_id: str, task: Any, request: Any) -> None:
    """The queue is where the message came from, which its call may have named; an eager call has none."""
    clear_contextvars()
    sent = getattr(request, HEADER, None) or {}
    delivery = getattr(request, "delivery_info", None) or {}
    queue = queue_of_key(delivery.get("routing_key")) or getattr(task, "routed_to", "")
    bind_contextvars(**sent | {"task_id": task_id, "task": task.name, "queue": queue})
