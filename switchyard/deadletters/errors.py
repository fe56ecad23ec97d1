"""Finds the last error of tasks that died, in the result table.

A dead letter itself says only that it was rejected.
"""

import json
from collections.abc import Iterable
from typing import Any

from celery import states
from django.db import Error
from django_celery_results.models import TaskResult

from switchyard.text import printable
from switchyard.worker.losses import ids_given_up

FAILED = (states.FAILURE, states.RETRY)


def errors_of(task_ids: Iterable[str]) -> dict[str, str]:
    """The last error of each task that has one, on one line. Raises django.db.Error."""
    rows = TaskResult.objects.filter(task_id__in=filter(None, task_ids), status__in=FAILED)
    return {task_id: _in_words(result) for task_id, result in rows.values_list("task_id", "result")}


def given_up() -> set[str]:
    """Ids of tasks whose messages were rejected because their runs had been lost too often.

    None without a database: their letters are listed as rejected then.
    """
    try:
        return ids_given_up()
    except Error:
        return set()


def traceback_of(task_id: str) -> str:
    """Of the last failure; empty if none is stored."""
    row = TaskResult.objects.filter(task_id=task_id, status__in=FAILED).first() if task_id else None
    return printable(row.traceback or "", lines=True) if row else ""


def _in_words(result: str | None) -> str:
    """``ValueError: what it said`` of what is stored of an exception (switchyard/tasks/failure.py)."""
    try:
        stored: Any = json.loads(result or "{}")
        said = stored.get("exc_text")
        said = ", ".join(map(str, stored["exc_message"])) if said is None else said
        return printable(f"{stored.get('exc_type')}: {said}")
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""
