"""Refuses what a task declares that would take a promise from it: that no end of it is lost.

| id       | found                                                   |
|----------|---------------------------------------------------------|
| yard.E19 | a task that is acknowledged before its end, or without  |
| yard.E20 | a task with a Request class that leaves ours out        |
"""

from collections.abc import Iterator
from typing import Any

from celery.utils.imports import symbol_by_name
from celery.worker.request import Request
from django.core.checks import Error

from switchyard.celery import TASK, tasks

#: What a task may say of its acknowledgement, as it has to be, and what would be lost otherwise.
ACKNOWLEDGED = {
    "acks_late": (True, "its message is gone when it begins: neither a failure nor a lost worker leaves it"),
    "acks_on_failure_or_timeout": (False, "when it fails for good, no dead letter is left"),
    "acks_on_failure": (False, "when it fails for good, no dead letter is left"),
    "acks_on_timeout": (
        False,
        "when it passes its hard limit, it neither runs again nor leaves a dead letter",
    ),
    "reject_on_worker_lost": (True, "when its process dies, it does not run again"),
}


def tasks_are_acknowledged_at_their_end() -> Iterator[Error]:
    for name, task in tasks().items():
        for option, (needed, lost) in ACKNOWLEDGED.items():
            if bool(getattr(task, option, needed)) is not needed:
                yield Error(
                    f"The task {name!r} has {option}={not needed}: {lost}.",
                    hint=f"Remove {option} from its decorator or its base class, or from "
                    "CELERY_TASK_ANNOTATIONS. A task that must not run twice says so with switchyard.once.",
                    obj=name,
                    id="yard.E19",
                )


def tasks_keep_our_request() -> Iterator[Error]:
    """Celery's own class is its default, and says nothing of what anybody wants."""
    ours: Any = symbol_by_name(symbol_by_name(TASK).Request)
    for name, task in tasks().items():
        theirs: Any = symbol_by_name(task.Request)
        if theirs is not Request and not issubclass(theirs, ours):
            yield Error(
                f"The task {name!r} has a Request class {theirs.__qualname__}, which is not derived from "
                f"{ours.__qualname__}: its lost runs would not be counted, and its end not be told.",
                hint=f"Derive it from {ours.__module__}.{ours.__qualname__}.",
                obj=name,
                id="yard.E20",
            )


RULES = (tasks_are_acknowledged_at_their_end, tasks_keep_our_request)
