"""Finds the last error of tasks that died, in the result table.

A dead letter itself says only that it was rejected, or how often it was delivered.
"""

import json
from collections.abc import Iterable
from typing import Any

from django_celery_results.models import TaskResult


def errors_of(task_ids: Iterable[str]) -> dict[str, str]:
    """The last error of each task that has one, on one line. Raises django.db.Error."""
    rows = TaskResult.objects.filter(task_id__in=filter(None, task_ids), status="FAILURE")
    return {task_id: _in_words(result) for task_id, result in rows.values_list("task_id", "result")}


def traceback_of(task_id: str) -> str:
    """Of the last failure; empty if none is stored."""
    row = TaskResult.objects.filter(task_id=task_id, status="FAILURE").first() if task_id else None
    return (row.traceback or "") if row else ""


def _in_words(result: str | None) -> str:
    """``ValueError: what it said`` of the JSON that Celery stores."""
    try:
        stored: Any = json.loads(result or "{}")
        said = ", ".join(map(str, stored["exc_message"]))
    except (ValueError, KeyError, TypeError):
        return ""
    return f"{stored.get('exc_type')}: {said}"
