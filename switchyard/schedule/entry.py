"""Defines an entry of the schedule as code declares it.

SCHEDULE = {
    "close the books": ScheduleEntry(task="billing.close", crontab=crontab(hour=2), purpose="yesterday"),
}
"""

from dataclasses import dataclass

from celery.schedules import crontab
from django.db.models import TextChoices


class Missed(TextChoices):
    """What becomes of due times that passed while no beat could send."""

    ONCE = "once", "run once, late, however many were missed"
    SKIP = "skip", "do not run; wait for the next due time"


@dataclass(frozen=True, slots=True)
class ScheduleEntry:
    """One task that is sent by the clock: at most once for each due time, however many beats run."""

    task: str
    #: In UTC, like every time of the engine.
    crontab: crontab
    #: Why it runs, for the person who finds it in the admin.
    purpose: str
    #: Up to so many seconds late a tick is sent as if it were in time; then ``missed`` decides.
    late_seconds: int = 30
    #: ``Missed.ONCE``: run once, late, however many were missed. ``Missed.SKIP``: do not.
    missed: Missed = Missed.ONCE
