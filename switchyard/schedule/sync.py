"""Brings the entries written in code into the tables that beat reads and the admin edits.

Code decides which entries exist, their task, their time and what becomes of missed ticks. The admin decides
whether an entry is enabled, and may add entries of its own, which are left alone.
"""

from dataclasses import dataclass

from celery.schedules import crontab
from django.db import transaction
from django_celery_beat.models import CrontabSchedule, PeriodicTask, PeriodicTasks

from switchyard.conf import declared_module
from switchyard.schedule.entry import ScheduleEntry
from switchyard.schedule.models import Rule

#: Marks the rows that belong to code; they are removed when code no longer has them.
OWNER = "Declared in code"

ENGINE_SCHEDULE = {
    "purge once": ScheduleEntry(
        task="switchyard.purge_once",
        crontab=crontab(hour=3, minute=20),
        purpose="marks of effects that happened so long ago that their tasks cannot run again",
    ),
    "celery.backend_cleanup": ScheduleEntry(
        task="celery.backend_cleanup",
        crontab=crontab(hour=4, minute=0),
        purpose="results older than the option result_expires",
    ),
}

#: Entry name to entry. An entry of the project's by the same name takes the engine's place.
SCHEDULE: dict[str, ScheduleEntry] = getattr(declared_module(), "SCHEDULE", {})
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
    """Create, correct and remove rows so that they say what ``SCHEDULE`` says. Twice is harmless."""
    synced = Synced([], [], [])
    for name, entry in SCHEDULE.items():
        _sync_entry(name, entry, synced)
    stale = PeriodicTask.objects.filter(description__startswith=OWNER).exclude(name__in=SCHEDULE)
    synced.removed.extend(stale.values_list("name", flat=True))
    stale.delete()
    if synced.created or synced.changed or synced.removed:
        PeriodicTasks.update_changed()
    return synced


def _sync_entry(name: str, entry: ScheduleEntry, synced: Synced) -> None:
    wanted = {
        "task": entry.task,
        "crontab": _crontab_row(entry),
        "description": f"{OWNER}: {entry.purpose}",
        "interval": None,
        "solar": None,
        "clocked": None,
    }
    row, created = PeriodicTask.objects.get_or_create(name=name, defaults=wanted)
    if created:
        synced.created.append(name)
    elif any(getattr(row, field) != value for field, value in wanted.items()):
        PeriodicTask.objects.filter(pk=row.pk).update(**wanted)
        synced.changed.append(name)
    _sync_rule(name, row, entry, synced)


def _sync_rule(name: str, row: PeriodicTask, entry: ScheduleEntry, synced: Synced) -> None:
    wanted = {"missed": entry.missed, "late_seconds": entry.late_seconds}
    rule, created = Rule.objects.get_or_create(entry=row, defaults=wanted)
    if not created and any(getattr(rule, field) != value for field, value in wanted.items()):
        Rule.objects.filter(pk=rule.pk).update(**wanted)
        if name not in synced.changed:
            synced.changed.append(name)


def _crontab_row(entry: ScheduleEntry) -> CrontabSchedule:
    fields = CrontabSchedule.from_schedule(entry.crontab)
    existing = CrontabSchedule.objects.filter(
        minute=fields.minute,
        hour=fields.hour,
        day_of_week=fields.day_of_week,
        day_of_month=fields.day_of_month,
        month_of_year=fields.month_of_year,
        timezone=fields.timezone,
    ).first()
    if existing:
        return existing
    fields.save()
    return fields
