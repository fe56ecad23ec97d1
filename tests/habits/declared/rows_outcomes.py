"""Rows about how a task ends."""

import json
import time
from uuid import uuid4

from celery.states import READY_STATES
from django_celery_results.models import TaskResult

from declared import tasks_outcomes as tasks
from declared.rows import PATIENCE_SECONDS, row

OWN_FAULTS = [
    "OperationalError",
    "ConnectionForced",
    "ConnectionError",
    "OperationalError",
    "ConnectionLimitExceeded",
    "OperationalError",
]


def ended(task_id: str) -> TaskResult:
    """What is kept of a task that has ended."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        found = TaskResult.objects.filter(task_id=task_id, status__in=READY_STATES).first()
        if found:
            return found
        time.sleep(0.1)
    raise TimeoutError(task_id)


@row("`OperationalError` of its own", here=OWN_FAULTS, stock=OWN_FAULTS)
def own_faults() -> list[str]:
    sent = [tasks.fails_of_its_own.delay(uuid4().hex, fault) for fault in tasks.FAULTS]
    return [json.loads(ended(str(each)).result)["exc_type"] for each in sent]
