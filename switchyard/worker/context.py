"""Binds what every line of a task's log says: the request it came from, and the task itself.

As django-structlog does it, with its lines for retries and revocations. What it does around each
task that succeeds (six signals and two lines that are not written) costs a fifth of a small task, and is done
here by one receiver.
"""

from typing import Any

from celery import bootsteps
from celery.signals import (
    task_failure,
    task_prerun,
    task_rejected,
    task_retry,
    task_revoked,
    task_unknown,
)
from django_structlog.celery.receivers import CeleryReceiver
from structlog.contextvars import bind_contextvars, clear_contextvars

from switchyard.outbox.context import HEADER
from switchyard.worker import strays
from switchyard.worker.failures import write_failure


class ContextStep(bootsteps.Step):
    """Bind the context in a worker before each task."""

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        # Celery's signals hold their receivers weakly.
        self.lines = CeleryReceiver()
        task_prerun.connect(_bind)
        strays.connect()
        task_failure.connect(write_failure)
        task_retry.connect(self.lines.receiver_task_retry)
        task_revoked.connect(self.lines.receiver_task_revoked)
        task_rejected.connect(self.lines.receiver_task_rejected)
        task_unknown.connect(self.lines.receiver_task_unknown)


def _bind(task_id: str, task: Any, **_: Any) -> None:
    clear_contextvars()
    sent = getattr(task.request, HEADER, None) or {}
    own = {"task_id": task_id, "task": task.name, "queue": getattr(task, "routed_to", "")}
    bind_contextvars(**sent | own)
