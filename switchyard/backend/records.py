"""Makes the record of a call, and reads its result from it."""

from typing import Any

from django.utils import timezone
from django.utils.module_loading import import_string

from switchyard.backend.api import Status, TaskError, TaskResultDoesNotExist, tasks
from switchyard.backend.models import Enqueued


def record_of(task: Any, task_id: Any, args: Any, kwargs: Any) -> Enqueued:
    """Of a call that was made now, not saved yet."""
    return Enqueued(
        id=task_id,
        backend=task.backend,
        task=task.module_path,
        queue=task.queue_name,
        priority=task.priority,
        run_after=task.run_after,
        arguments=[list(args), dict(kwargs)],
        status=Status.READY,
        enqueued_at=timezone.now(),
    )


def result_of(record: Enqueued, task: Any = None) -> Any:
    """Django's TaskResult, its arguments as JSON has them. Without ``task`` it is the one of the record.

    Raises TaskResultDoesNotExist if this release has no such task, TypeError for arguments that are no JSON.
    """
    args, kwargs = record.arguments
    result = tasks.TaskResult(
        task=task or _task_of(record),
        id=str(record.id),
        status=Status(record.status),
        enqueued_at=record.enqueued_at,
        started_at=record.started_at,
        last_attempted_at=record.last_attempted_at,
        finished_at=record.finished_at,
        args=args,
        kwargs=kwargs,
        backend=record.backend,
        errors=[TaskError(exception_class_path=kind, traceback=text) for kind, text in record.errors],
        worker_ids=list(record.workers),
    )
    # Django's own backends set it so: the class is frozen, and has no other way.
    object.__setattr__(result, "_return_value", record.returned)
    return result


def _task_of(record: Enqueued) -> Any:
    try:
        task = import_string(record.task)
    except ImportError as error:
        raise TaskResultDoesNotExist(f"{record.task} is not in this release") from error
    changes = {"queue_name": record.queue, "priority": record.priority, "run_after": record.run_after}
    return task.using(**changes, backend=record.backend)
