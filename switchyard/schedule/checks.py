"""System checks of the schedule.

| id      | found                                             |
|---------|---------------------------------------------------|
| yard.E8 | a schedule entry whose task does not exist        |
"""

from collections.abc import Iterator

from django.core.checks import Error

from switchyard.routing import HOME
from switchyard.schedule.declared import SCHEDULE
from switchyard.tasks.registry import tasks


def schedule_entries_have_a_task() -> Iterator[Error]:
    known = tasks()
    for name, entry in SCHEDULE.items():
        if entry.task not in known:
            yield Error(
                f"The schedule entry {name!r} names the task {entry.task!r}, which does not exist.",
                hint=f"Correct it in SCHEDULE ({HOME}); `switchyard routes` lists the tasks.",
                obj=name,
                id="yard.E8",
            )


RULES = (schedule_entries_have_a_task,)
