"""Reads the call that a row of the schedule stands for."""

from dataclasses import dataclass
from datetime import datetime
from json import JSONDecoder
from typing import Any
from uuid import UUID, uuid5

from celery import Celery
from django_celery_beat.models import PeriodicTask
from kombu.utils.json import object_hook

from switchyard.celery import tasks
from switchyard.routing import HOW_TO_NAME_A_QUEUE, mapped_queue, queue_for

#: Names the ids of ticks: the same entry and due time have the same task id, whichever beat sends them.
TICKS = UUID("f1b0c9a4-4e0f-5d0e-9a55-6b0f6c8f7f3d")

#: As ``kombu.utils.json.loads``, which makes a decoder for each text.
_loads = JSONDecoder(object_hook=object_hook).decode


class EntryRefused(Exception):
    """The row cannot be sent as it is. Says what to correct."""


@dataclass(frozen=True)
class Call:
    task: Any
    args: list[Any]
    kwargs: dict[str, Any]
    options: dict[str, Any]


def call_of(entry: PeriodicTask, app: Celery) -> Call:
    """Raises EntryRefused for a task that does not exist and for arguments that it does not take."""
    # A process that runs no tasks, as web, may not have imported them yet.
    task: Any = app.tasks.get(entry.task) or tasks().get(entry.task)
    if task is None:
        raise EntryRefused(
            f"This release has no task {entry.task!r}. Correct the entry's task, or disable or delete it."
        )
    call = Call(
        task,
        _json(entry, "args", list),
        _json(entry, "kwargs", dict),
        _options(entry, _json(entry, "headers", dict)),
    )
    try:
        # As Celery does in apply_async, but before the row of the tick is written.
        task.__header__(*call.args, **call.kwargs)
    except TypeError as error:
        raise EntryRefused(f"{entry.task} does not take these arguments: {error}. Correct them.") from error
    return call


def send_now(entry: PeriodicTask, app: Celery) -> str:
    """Send it once beside its schedule, through the outbox, and return the task's id.

    Raises EntryRefused or TaskCallError.
    """
    call = call_of(entry, app)
    return str(call.task.apply_async_on_commit(call.args, call.kwargs, **call.options))


def task_id_of(entry: PeriodicTask, due_at: datetime) -> UUID:
    return uuid5(TICKS, f"{entry.name} {due_at.isoformat()}")


def destination_of(entry: PeriodicTask) -> str | None:
    """The declared queue that a row names, if that is not its task's own. Raises EntryRefused for another."""
    spec = mapped_queue(entry.queue)
    if entry.queue and spec is None:
        raise EntryRefused(f"Its queue {entry.queue!r} is not a declared one. {HOW_TO_NAME_A_QUEUE}")
    if entry.exchange or entry.routing_key:
        raise EntryRefused(
            f"Its exchange is {entry.exchange!r} and its routing key {entry.routing_key!r}, but a task goes "
            "to a queue by its name. Empty both, and name a queue if it is not to go where ROUTES says."
        )
    return spec.name if spec and spec != queue_for(entry.task) else None


def _json(entry: PeriodicTask, field: str, kind: type) -> Any:
    text = getattr(entry, field)
    try:
        value = _loads(text) if text else kind()
    except ValueError as error:
        raise EntryRefused(f"Its {field} are not JSON: {error}. Correct {text!r}.") from error
    if not isinstance(value, kind):
        expected = "a list" if kind is list else "an object"
        raise EntryRefused(f"Its {field} are {text}, where JSON of {expected} was expected. Correct them.")
    return value


def _options(entry: PeriodicTask, headers: dict[str, Any]) -> dict[str, Any]:
    """django-celery-beat's, under the names of ``apply_async``. Raises EntryRefused."""
    options = {
        "queue": destination_of(entry),
        "priority": entry.priority,
        "expires": entry.expires or entry.expire_seconds,
    }
    given = {name: value for name, value in options.items() if value is not None}
    return given | {"headers": headers | {"periodic_task_name": entry.name}}
