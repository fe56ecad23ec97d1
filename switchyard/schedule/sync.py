"""Brings the entries written in code into the tables that beat reads and the admin edits.

Code decides which entries exist, their task, their time and what becomes of missed ticks. The admin decides
whether an entry is enabled, and may add entries of its own, which are left alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from celery.schedules import crontab
from django.db import transaction
from django_celery_beat.models import PeriodicTask, PeriodicTasks

from switchyard.conf import declared_module
from switchyard.schedule.beat_schedule import row_of, taken_over
from switchyard.schedule.entry import ScheduleEntry
from switchyard.schedule.models import Rule

#: Marks the rows that belong to code; they are removed when code no longer has them.
OWNER = "Declared in code"

#: A row has one kind of time; the others are empty.
NO_TIME = {"interval": None, "crontab": None, "solar": None, "clocked": None}

ENGINE_SCHEDULE = {
    "purge once": ScheduleEntry(
        task="switchyard.purge_once",
        crontab=crontab(hour=3, minute=20),
        purpose="marks of effects that happened so long ago that their tasks cannot run again",
    ),
    "purge enqueued": ScheduleEntry(
        task="switchyard.purge_enqueued",
        crontab=crontab(hour=3, minute=40),
        purpose="records of calls by Django's task API that are older than a month",
    ),
    "celery.backend_cleanup": ScheduleEntry(
        task="celery.backend_cleanup",
        crontab=crontab(hour=4, minute=0),
        purpose="results older than the option result_expires",
    ),
}

#: Entry name to entry. An entry of the project's by the same name takes the engine's place.
SCHEDULE: dict[str, ScheduleEntry] = getattr(declared_module(), "SCHEDULE", {})
#: Names of the project's own.
OWN_ENTRIES = frozenset(SCHEDULE)
for _name, _entry in ENGINE_SCHEDULE.items():
    SCHEDULE.setdefault(_name, _entry)


@dataclass(frozen=True)
class Synced:
    """Names of the entries that were created, changed and removed."""

    created: list[str]
    changed: list[str]
    removed: list[str]


@transaction.atomic
def sync_schedule() -> Synced:
    """Create, correct and remove rows so that they say what is declared. Twice is harmless."""
    synced = Synced([], [], [])
    names = [_sync_entry(name, wanted, rule, synced) for name, wanted, rule in _declared()]
    stale = PeriodicTask.objects.filter(description__startswith=OWNER).exclude(name__in=names)
    synced.removed.extend(stale.values_list("name", flat=True))
    stale.delete()
    if synced.created or synced.changed or synced.removed:
        PeriodicTasks.update_changed()
    return synced


def _declared() -> Iterator[tuple[str, dict[str, Any], Rule]]:
    """Of each entry its name, the fields of its row and its rule: those of SCHEDULE, then Celery's own.

    Of the engine's names a project may have its own there too.
    """
    theirs = {name: (fields, when) for name, fields, when in taken_over() if name not in OWN_ENTRIES}
    for name, entry in SCHEDULE.items():
        if name not in theirs:
            fields = {"task": entry.task, "description": f"{OWNER}: {entry.purpose}"}
            rule = Rule(missed=entry.missed, late_seconds=entry.late_seconds)
            yield name, NO_TIME | fields | {"crontab": row_of(entry.crontab)[1]}, rule
    for name, (fields, when) in theirs.items():
        field, row = row_of(when)
        yield name, NO_TIME | fields | {"description": f"{OWNER}: CELERY_BEAT_SCHEDULE", field: row}, Rule()


def _sync_entry(name: str, wanted: dict[str, Any], rule: Rule, synced: Synced) -> str:
    row, created = PeriodicTask.objects.get_or_create(name=name, defaults=wanted)
    if created:
        synced.created.append(name)
    elif any(getattr(row, field) != value for field, value in wanted.items()):
        PeriodicTask.objects.filter(pk=row.pk).update(**wanted)
        synced.changed.append(name)
    _sync_rule(name, row, rule, synced)
    return name


def _sync_rule(name: str, row: PeriodicTask, declared: Rule, synced: Synced) -> None:
    wanted = {"missed": declared.missed, "late_seconds": declared.late_seconds}
    rule, created = Rule.objects.get_or_create(entry=row, defaults=wanted)
    if not created and any(getattr(rule, field) != value for field, value in wanted.items()):
        Rule.objects.filter(pk=rule.pk).update(**wanted)
        if name not in synced.changed:
            synced.changed.append(name)
