"""Which dead letters are meant."""

from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

from app.deadletters.letter import DeadLetter


@dataclass(frozen=True, slots=True)
class Selection:
    """What is not said matches everything. ``task`` is a pattern, as in ROUTES."""

    task: str | None = None
    reason: str | None = None
    task_id: str | None = None
    #: None that died later. One whose death has no time is meant.
    died_by: datetime | None = None

    def matches(self, letter: DeadLetter) -> bool:
        return (
            (self.task is None or fnmatchcase(letter.task, self.task))
            and (self.reason is None or letter.reason == self.reason)
            and (self.task_id is None or letter.task_id == self.task_id)
            and (self.died_by is None or letter.died_at is None or letter.died_at <= self.died_by)
        )
