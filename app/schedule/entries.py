"""What beat sends, and when. `python -m app release` brings it to the database."""

from dataclasses import dataclass

from celery.schedules import crontab


@dataclass(frozen=True, slots=True)
class ScheduleEntry:
    """One task that is sent by the clock."""

    task: str
    #: In UTC, like every time of this service.
    crontab: crontab
    #: Why it runs, for the person who finds it in the admin.
    purpose: str


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
}
