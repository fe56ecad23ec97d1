"""Checks what the schedule will send, where it is written: in Celery's own setting, and in the rows.

| id       | found                                                           |
|----------|-----------------------------------------------------------------|
| yard.E15 | an entry of CELERY_BEAT_SCHEDULE that cannot be taken over       |
| yard.E16 | a row of the schedule with a destination that is not declared    |
| yard.E18 | moments without a time zone (USE_TZ)                             |
| yard.W5  | a row that beat cannot send for another reason, as of its task   |
"""

from collections.abc import Iterator

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error
from django.db import Error as DatabaseError
from django_celery_beat.models import PeriodicTask

from switchyard.celery import attached
from switchyard.routing import HOME
from switchyard.schedule.beat_schedule import KINDS, fields_of, found, schedule_of
from switchyard.schedule.call import EntryRefused, destination_of
from switchyard.schedule.sync import OWN_ENTRIES
from switchyard.schedule.trial import look

#: Rows that are read at once, and that are named.
PAGE, MOST_ROWS = 500, 20


def celerys_entries_can_be_taken_over() -> Iterator[Error]:
    for name, entry in found().items():
        try:
            fields_of(entry)
            schedule_of(entry)
            if name in OWN_ENTRIES:
                raise EntryRefused("SCHEDULE has one of the same name. Remove one of the two.")  # noqa: TRY301
        except EntryRefused as refusal:
            yield Error(
                f"The entry {name!r} of CELERY_BEAT_SCHEDULE (or of add_periodic_task) cannot be taken over: "
                f"{refusal}",
                hint=f'Correct it there, or write it into SCHEDULE ({HOME}): "{name}": ScheduleEntry(task='
                f'"{entry.get("task")}", crontab=crontab(...), purpose="...").',
                obj=name,
                id="yard.E15",
            )


def moments_have_a_zone() -> Iterator[Error]:
    """Without one Django reads the schedule's moments in the zone of TIME_ZONE, and an hour a year twice."""
    if not settings.USE_TZ:
        yield Error(
            "USE_TZ is False: Django would read the schedule's moments without a time zone, and beat, which "
            "counts in UTC, would send nothing.",
            hint="Set USE_TZ = True, which is Django's default (PostgreSQL keeps moments with their zone in "
            "either case). If nothing is sent by the clock, silence yard.E18 (SILENCED_SYSTEM_CHECKS).",
            obj="USE_TZ",
            id="yard.E18",
        )


def rows_can_be_sent() -> Iterator[CheckMessage]:
    """Of enabled rows. But for queues it only warns: a release goes on, and back, whatever is scheduled."""
    count = 0
    for row in _enabled_rows():
        finding = _finding(row)
        count += bool(finding)
        if finding and count <= MOST_ROWS:
            yield finding
    if count > MOST_ROWS:
        yield checks.Warning(f"{count - MOST_ROWS} more rows of the schedule cannot be sent.", id="yard.W5")


def _enabled_rows() -> Iterator[PeriodicTask]:
    """A page at a time: a project has an entry for each of its tenants. Before the first migration none."""
    rows = PeriodicTask.objects.filter(enabled=True).select_related(*KINDS.values(), "clocked").order_by("pk")
    last = 0
    try:
        while page := list(rows.filter(pk__gt=last)[:PAGE]):
            yield from page
            last = page[-1].pk
    except DatabaseError:
        return


def _finding(row: PeriodicTask) -> CheckMessage | None:
    hint = "Correct the row in the admin (Periodic tasks), or disable it."
    said = f"The schedule's row {row.name!r} cannot be sent:"
    try:
        destination_of(row)
    except EntryRefused as refusal:
        return Error(f"{said} {refusal}", hint=hint, obj=row.name, id="yard.E16")
    try:
        look(row, attached())
    except EntryRefused as refusal:
        return checks.Warning(f"{said} {refusal}", hint=hint, obj=row.name, id="yard.W5")
    return None


RULES = (celerys_entries_can_be_taken_over, moments_have_a_zone)
DATABASE_RULES = (rows_can_be_sent,)
