"""What beat sends, and when. `python -m app release` brings it to the database."""

from dataclasses import dataclass

from celery.schedules import crontab

from app.schedule.models import Missed


@dataclass(frozen=True, slots=True)
class ScheduleEntry:
    """One task that is sent by the clock."""

    task: str
    #: In UTC, like every time of this service.
    crontab: crontab
    #: Why it runs, for the person who finds it in the admin.
    purpose: str
    #: Up to so many seconds late a tick is sent as if it were in time; then ``missed`` decides.
    late_seconds: int = 30
    #: ``Missed.ONCE``: run once, late, however many were missed. ``Missed.SKIP``: do not.
    missed: Missed = Missed.ONCE


SCHEDULE = {
    "purge expired tokens": ScheduleEntry(
        task="accounts.purge_expired_tokens",
        crontab=crontab(hour=3, minute=0),
        purpose="tokens that no longer open anything and sign-up counts that no longer limit anything",
    ),
    "purge once": ScheduleEntry(
        task="tasks.purge_once",
        crontab=crontab(hour=3, minute=20),
        purpose="marks of effects that happened so long ago that their tasks cannot run again",
    ),
    "celery.backend_cleanup": ScheduleEntry(
        task="celery.backend_cleanup",
        crontab=crontab(hour=4, minute=0),
        purpose="results older than CELERY_RESULT_EXPIRES (app/settings.py)",
    ),
}
