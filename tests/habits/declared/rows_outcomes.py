"""Rows about how a task ends."""

import json
from typing import Any
from uuid import uuid4

from celery import chain
from celery.result import AsyncResult
from celery.states import READY_STATES
from django_celery_results.models import TaskResult
from shop.models import Note

from declared import tasks_outcomes as tasks
from declared.rows import PATIENCE_SECONDS, notes, row
from tests.polling import eventually

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
    kept = TaskResult.objects.filter(task_id=task_id, status__in=READY_STATES)
    return eventually(kept.first, within=PATIENCE_SECONDS, what=f"the end of {task_id}")


@row("`OperationalError` of its own", here=OWN_FAULTS, stock=OWN_FAULTS)
def own_faults() -> list[str]:
    sent = [tasks.fails_of_its_own.delay(uuid4().hex, fault) for fault in tasks.FAULTS]
    return [json.loads(ended(str(each)).result)["exc_type"] for each in sent]


def call(task: Any, *, after: bool = False) -> tuple[str, str]:
    """The key of its notes, and the id of it or of what comes after it."""
    key = uuid4().hex
    sent = chain(task.s(key), tasks.comes_after.s(key)) if after else task.s(key)
    return key, str(sent.delay())


@row("`ignore_result=True` and `.get()`", here="ResultDiscarded", stock="None")
def discarded() -> str:
    try:
        return str(tasks.keeps_nothing.apply_async().get(timeout=PATIENCE_SECONDS))
    except RuntimeError as error:
        return type(error).__name__


@row("`Ignore()`", here=["run", "PENDING"], stock=["run", "PENDING"])
def ignored() -> list[str]:
    """Nothing of it is stored; that it has ended is in the worker's journal."""
    key, task_id = call(tasks.ignores, after=True)
    return [*notes(key, 1), AsyncResult(task_id).state]


@row("`self.replace()` in a chain", here=["in its place", "after"], stock=["in its place", "after"])
def replaced() -> list[str]:
    key, _ = call(tasks.is_replaced, after=True)
    return notes(key, 2)


@row(
    "`self.replace(group(...))` in a chain",
    here=["after", "in its place", "in its place"],
    stock=["after", "in its place", "in its place"],
)
def replaced_by_a_group() -> list[str]:
    key, _ = call(tasks.is_replaced_by_a_group, after=True)
    return sorted(notes(key, 3))


def seen_while_it_runs(task: Any) -> list[Any]:
    key, task_id = call(task)
    notes(key, 1)
    result = AsyncResult(task_id)
    found = [result.state, result.ready()]
    Note.objects.create(key=f"{key} seen")
    return [*found, result.get(timeout=PATIENCE_SECONDS), result.state]


@row(
    '`update_state("PROGRESS")`',
    here=["PROGRESS", False, None, "SUCCESS"],
    stock=["PROGRESS", False, None, "SUCCESS"],
)
def progress() -> list[Any]:
    return seen_while_it_runs(tasks.tells_progress)


@row(
    "`track_started=True`",
    here=["STARTED", False, None, "SUCCESS"],
    stock=["STARTED", False, None, "SUCCESS"],
)
def track_started() -> list[Any]:
    return seen_while_it_runs(tasks.is_tracked)


@row("`typing=False`", here="TypeError", stock="TypeError")
def without_typing() -> str:
    """The call is taken, and the run fails."""
    return str(json.loads(ended(tasks.takes_one.apply_async(ignore_result=False).id).result)["exc_type"])


@row("`throws=(LookupError,)`", here=["FAILURE", "LookupError"], stock=["FAILURE", "LookupError"])
def thrown() -> list[str]:
    """What is expected is a failure all the same; only its line in the log is another."""
    kept = ended(tasks.throws.apply_async().id)
    return [kept.status, json.loads(kept.result)["exc_type"]]


@row("`trail=False`", here=[1, 0], stock=[1, 0])
def trail() -> list[int]:
    """How many it has called, with a trail and without."""
    sent = [task.delay(uuid4().hex) for task in (tasks.calls_another, tasks.calls_without_a_trail)]
    return [len(AsyncResult(ended(each.id).task_id).children or ()) for each in sent]
