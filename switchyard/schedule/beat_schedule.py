"""Takes over the entries of Celery's own schedule: CELERY_BEAT_SCHEDULE, and what ``add_periodic_task`` adds.

A project that comes here has them. They become rows as those of SCHEDULE do, in their own time zone.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from celery.schedules import crontab, maybe_schedule, schedule, solar
from django.forms.models import model_to_dict
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, SolarSchedule
from kombu.utils.json import dumps

from switchyard.celery import attached, tasks
from switchyard.routing import HOW_TO_NAME_A_QUEUE, mapped_queue
from switchyard.schedule.call import EntryRefused

#: Each kind of schedule, to the field of a row that holds it.
KINDS = {schedule: "interval", crontab: "crontab", solar: "solar"}
#: Of an entry's options, those that a row holds as they are.
AS_THEY_ARE = {"priority", "headers"}


def found() -> Mapping[str, Mapping[str, Any]]:
    """Entry name to what Celery's configuration says of it."""
    tasks()  # who adds some waits for the tasks to be there
    entries: dict[str, Mapping[str, Any]] = attached().conf.beat_schedule or {}
    return entries


def taken_over() -> Iterator[tuple[str, dict[str, Any], Any]]:
    """Of each entry that can be a row its name, the row's fields, and its schedule as Celery has it."""
    for name, entry in found().items():
        try:
            yield name, fields_of(entry), schedule_of(entry)
        except EntryRefused:
            # `check` has said why.
            continue


def fields_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a row but its schedule. Raises EntryRefused for what no row can hold."""
    task = entry.get("task")
    if task not in tasks():
        raise EntryRefused(f"there is no task {task!r}. `routes` lists the tasks.")
    options = dict(entry.get("options") or {})
    queue = options.pop("queue", None)
    if queue is not None and mapped_queue(queue) is None:
        raise EntryRefused(f"its queue {queue!r} is not a declared one. {HOW_TO_NAME_A_QUEUE}")
    seconds = _seconds(options.pop("expires", None), "expires")
    if options.keys() - AS_THEY_ARE:
        raise EntryRefused(f"it has the options {', '.join(sorted(options))}. Leave them out.")
    try:
        arguments = {"args": list(entry.get("args") or ()), "kwargs": dict(entry.get("kwargs") or {})}
        texts = {field: dumps(value) for field, value in arguments.items()}
        texts["headers"] = dumps(options.get("headers") or {})
    except (TypeError, ValueError) as error:
        raise EntryRefused(
            f"its arguments have no JSON form: {error}. Write them as JSON has them."
        ) from error
    name = getattr(queue, "name", queue)
    return texts | {
        "task": task,
        "queue": name,
        "expire_seconds": seconds,
        "priority": options.get("priority"),
    }


def schedule_of(entry: Mapping[str, Any]) -> Any:
    """Celery's schedule of an entry. Raises EntryRefused for a kind that no row holds."""
    said: Any = entry.get("schedule")
    found: Any = maybe_schedule(said, entry.get("relative", False), app=attached())
    if type(found) not in KINDS:
        raise EntryRefused(f"its schedule is {found!r}. Write a number of seconds, a crontab or a solar.")
    if KINDS[type(found)] == "interval":
        _seconds(found.run_every, "schedule")
    return found


def row_of(schedule: Any) -> tuple[str, Any]:
    """The field of a row for a schedule, and the row behind it, which is made if there is none."""
    field = KINDS[type(schedule)]
    if field == "interval":
        every = int(schedule.run_every.total_seconds())
        wanted = IntervalSchedule(every=every, period=IntervalSchedule.SECONDS)
    elif field == "crontab":
        wanted = CrontabSchedule.from_schedule(schedule)
    else:
        wanted = SolarSchedule.from_schedule(schedule)
    same = type(wanted).objects.filter(**model_to_dict(wanted, exclude=["id"])).first()
    if same is None:
        wanted.save()
    return field, same or wanted


def _seconds(value: Any, what: str) -> int | None:
    if value is None:
        return None
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds < 1 or seconds % 1:
        raise EntryRefused(f"its {what} is {value!r}. Write a whole number of seconds, 1 or more.")
    return int(seconds)
