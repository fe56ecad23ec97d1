"""Runs the function of a call in a worker, and writes down what came of it."""

from traceback import format_exception
from typing import Any

from django.utils import timezone

from switchyard.backend.api import Status, TaskError, normalized, signals, tasks
from switchyard.backend.models import Enqueued
from switchyard.backend.records import record_of, result_of
from switchyard.outage import NOT_SENT
from switchyard.sqlstate import is_away, is_contention


def run(task: Any, request: Any, args: Any, kwargs: Any) -> Any:
    """What the function returns, as JSON has it. Raises what it raises, for Celery to do what is declared
    of it; TypeError for what is no JSON.

    It may run twice (a lost worker), as every task may. A call that nobody knows any more runs as well: its
    message was kept for longer than its record.
    """
    result = _begun(task, request, args, kwargs)
    signals.task_started.send(type(task.get_backend()), task_result=result)
    context = (tasks.TaskContext(task_result=result),) if task.takes_context else ()
    try:
        returned = normalized(task.call(*context, *args, **kwargs))
    except BaseException as error:
        if not _is_given_back(error):
            _ended(result, Status.FAILED, error=error)
        raise
    _ended(result, Status.SUCCESSFUL, returned=returned)
    return returned


def _begun(task: Any, request: Any, args: Any, kwargs: Any) -> Any:
    now = timezone.now()
    found = Enqueued.objects.filter(pk=request.id).first()
    record = found or record_of(task, request.id, args, kwargs)
    record.status = Status.RUNNING
    record.started_at = record.started_at or now
    record.last_attempted_at = now
    record.finished_at = record.returned = None
    record.workers = [*record.workers, str(request.hostname)]
    record.save()
    return result_of(record, task)


def _ended(result: Any, status: Any, *, returned: Any = None, error: BaseException | None = None) -> None:
    object.__setattr__(result, "status", status)
    object.__setattr__(result, "finished_at", timezone.now())
    object.__setattr__(result, "_return_value", returned)
    if error is not None:
        kind = f"{type(error).__module__}.{type(error).__qualname__}"
        result.errors.append(TaskError(exception_class_path=kind, traceback="".join(format_exception(error))))
    Enqueued.objects.filter(pk=result.id).update(
        status=status,
        finished_at=result.finished_at,
        returned=returned,
        errors=[[each.exception_class_path, each.traceback] for each in result.errors],
    )
    signals.task_finished.send(type(result.task.get_backend()), task_result=result)


def _is_given_back(error: BaseException) -> bool:
    """Whether the worker gives the message back, uncounted: the call is not over."""
    return (
        isinstance(error, (*NOT_SENT, KeyboardInterrupt, SystemExit))
        or is_away(error)
        or is_contention(error)
    )
