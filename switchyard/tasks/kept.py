"""Gives the values that a result's row holds: within bounds, and never an error about their form.

| value                       | kept if                                | otherwise                           |
|-----------------------------|----------------------------------------|-------------------------------------|
| result, progress            | JSON, at most ``LONGEST_RESULT_BYTES`` | ``{"not_kept": type, "repr": ...}`` |
| arguments of a direct call  | JSON                                   | their ``repr``, cut                 |
"""

from collections.abc import Callable
from typing import Any, TypeVar

import structlog
from celery import states
from celery.app.task import Context
from django.db import transaction
from django_celery_results.models import TaskResult
from kombu.exceptions import EncodeError

from switchyard.outbox.errors import ReturnRefused, type_name
from switchyard.tasks.failure import attempted
from switchyard.text import shortened, storable

T = TypeVar("T")

log = structlog.get_logger("switchyard.tasks")

#: Of a result as JSON: as much as a task may be called with. What is larger belongs into a table or a file.
LONGEST_RESULT_BYTES = 1024 * 1024
#: Characters of the ``repr`` of what could not be kept.
LONGEST_REPR = 500


def kept(encode: Callable[[Any], Any], task_id: str, result: Any, status: str, request: Any) -> Any:
    """The result, or what is kept in its place. Raises ReturnRefused where another task waits for it."""
    task = getattr(request, "task", None)
    try:
        size = len(str(encode(result)).encode())
    except EncodeError as error:
        if status == states.SUCCESS and getattr(request, "chord", None):
            raise ReturnRefused(str(task), result, error) from error
        reason = words(error)
    else:
        if size <= LONGEST_RESULT_BYTES:
            return result
        reason = f"{size:,} bytes, and at most {LONGEST_RESULT_BYTES:,} are kept"
    log.warning("result_not_kept", task=task, task_id=task_id, type=type_name(result), reason=reason)
    return not_kept(result)


def not_kept(value: Any) -> dict[str, Any]:
    """What is kept in the place of a value."""
    return {"not_kept": type_name(value), "repr": words(value)}


def with_arguments_in_words(request: Any, encode: Callable[[Any], Any]) -> Any:
    """The request, whose arguments the row can hold. A message has them in words, a direct call has not."""
    found = {}
    for name in ("args", "kwargs"):
        value = getattr(request, name, None)
        if getattr(request, f"{name}repr", None) is None and value is not None:
            try:
                encode(value)
            except EncodeError:
                found[f"{name}repr"] = words(value)
    return Context({**vars(request), **found}) if found else request


def unless_ended(task_id: str, store: Callable[[], T]) -> T | None:
    """Store that a task is retried, unless it has ended, and does not while this is stored.

    A retry is sent before it is stored: the next run may have stored its end by then.
    """
    with transaction.atomic():
        TaskResult.objects.bulk_create([TaskResult(task_id=task_id)], ignore_conflicts=True)
        row = TaskResult.objects.select_for_update().get(task_id=task_id)
        return None if row.status in states.READY_STATES else store()


def words(value: Any) -> str:
    """Its text if it is an error, its ``repr`` otherwise; never raises."""
    text = attempted(str if isinstance(value, BaseException) else repr, value)
    return shortened(storable(text), LONGEST_REPR) if text else f"<{type_name(value)}>"
