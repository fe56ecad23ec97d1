"""A report, and the parts that it is counted in."""

import uuid
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone

#: A report is cut into at most this many parts, which are counted at the same time.
MOST_PARTS = 10

#: A report that is not finished by then never will be: its message was lost with a worker that it kills, and
#: has been dead-lettered by the broker without a word to us.
OVERDUE_AFTER = timedelta(hours=24)


class State(models.TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Reports(models.Manager["Report"]):
    def unfinished(self) -> models.QuerySet["Report"]:
        """That are still to be done; those that have been for too long are not."""
        return self.filter(state__in=UNFINISHED, created_at__gt=timezone.now() - OVERDUE_AFTER)


class Report(models.Model):
    """How many events of each kind there were on each of the last ``days`` days (UTC), today included."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="reports")
    days = models.PositiveSmallIntegerField()
    #: Also the end of the period, so that a part that is counted twice counts the same.
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED, db_index=True)
    finished_at = models.DateTimeField(null=True, editable=False)
    csv = models.TextField(default="", editable=False)
    chart = models.TextField(default="", editable=False, help_text="SVG")

    objects = Reports()

    def __str__(self) -> str:
        return f"report {self.pk}"

    @property
    def shown_state(self) -> State:
        overdue = self.created_at < timezone.now() - OVERDUE_AFTER
        return State.FAILED if overdue and self.state in UNFINISHED else State(self.state)

    @property
    def part_count(self) -> int:
        return min(self.days, MOST_PARTS)

    @property
    def progress_percent(self) -> int:
        """Finished steps of all steps, which are the parts and the combining; one query unless it is done."""
        if self.state == State.DONE:
            return 100
        return 100 * self.parts.count() // (self.part_count + 1)

    def dates(self) -> list[str]:
        """Every day of the period, as 2026-01-31."""
        return [f"{self._first_day + timedelta(days=day):%Y-%m-%d}" for day in range(self.days)]

    def slice(self, index: int) -> tuple[datetime, datetime]:
        """From when and until when (exclusive) part ``index`` counts: whole days, to the creation."""
        first, after = (self.days * step // self.part_count for step in (index, index + 1))
        start = self._first_day + timedelta(days=first)
        return start, min(self._first_day + timedelta(days=after), self.created_at)

    @property
    def _first_day(self) -> datetime:
        today = self.created_at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return today - timedelta(days=self.days - 1)


UNFINISHED = (State.QUEUED, State.RUNNING)


class Part(models.Model):
    """The counts of one slice of a report's period: ``{date: {kind: count}}``."""

    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="parts")
    index = models.PositiveSmallIntegerField()
    counts = models.JSONField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["report", "index"], name="one_part_of_each_index"),)

    def __str__(self) -> str:
        return f"part {self.index} of {self.report_id}"
