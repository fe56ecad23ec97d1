"""The schedule that code declares: the project's entries, and those by which the engine cleans up."""

from celery.schedules import crontab

from switchyard.conf import declared_module
from switchyard.schedule.entry import ScheduleEntry

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
