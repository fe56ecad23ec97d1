"""Remembers, for beat, how far it has come with each entry of the schedule."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.validators import MaxValueValidator
from django.db import connection, models
from django.db.models.functions import Now
from django.db.models.signals import pre_save
from django.dispatch import receiver
from django_celery_beat.models import PeriodicTask

from switchyard.schedule.entry import Missed

#: How long the row of a tick is kept. A beat that was frozen for longer finds the entry's clock moved on.
KEPT = timedelta(days=7)
PRUNED_AT_ONCE = 1000

#: A row of a tick, in the order of their due times: that and its key.
Place = tuple[datetime, int]
FIRST: Place = (datetime(1970, 1, 1, tzinfo=UTC), 0)

# An entry's newest is looked for from the end of the index, as those that are gone are at its beginning.
_PRUNE = """
    WITH old AS MATERIALIZED (
        SELECT id, entry, due_at FROM switchyard_schedule_tick
        WHERE due_at >= %(since)s AND due_at < %(until)s AND (due_at, id) > (%(since)s, %(key)s)
        ORDER BY due_at, id LIMIT %(most)s
    ), gone AS (
        DELETE FROM switchyard_schedule_tick AS tick USING old WHERE tick.id = old.id AND old.due_at < (
            SELECT max(due_at) FROM switchyard_schedule_tick AS newest WHERE newest.entry = old.entry
        )
    )
    SELECT due_at, id FROM old ORDER BY due_at DESC, id DESC LIMIT 1
"""


class Rule(models.Model):
    """An entry's rule for ticks that are late. An entry without a row has the defaults.

    Up to ``late_seconds`` a tick is only late, and each is sent: a takeover loses none. When one is later
    than that, those until now were missed, and only the newest of them still counts: ``once`` sends it
    however late it is, ``skip`` only if that one is not too late.
    """

    entry = models.OneToOneField(PeriodicTask, models.CASCADE, related_name="rule")
    missed = models.CharField(max_length=4, choices=Missed, default=Missed.ONCE)
    late_seconds = models.PositiveIntegerField(default=30, validators=[MaxValueValidator(7 * 86400)])

    class Meta:
        db_table = "switchyard_schedule_rule"
        verbose_name = "rule for missed ticks"
        verbose_name_plural = "rules for missed ticks"

    def __str__(self) -> str:
        return f"{self.missed} after {self.late_seconds} s"


class Clock(models.Model):
    """How far beat has come with an enabled entry. Written by beat and by triggers, so no edit sets it back.

    The triggers (migration 0003) see every edit of the entry and of its schedule, whoever makes it and
    however: an entry gets its clock when it is saved or enabled, loses it when it is disabled, and is marked
    when it is edited. That is what lets beat read only the rows that are due.
    """

    entry = models.OneToOneField(PeriodicTask, models.CASCADE, related_name="clock")
    #: What was counted by; when the entry's schedule says something else, the count starts anew.
    schedule = models.TextField()
    counts_from = models.DateTimeField()
    #: The last due time that was dealt with: sent, skipped or refused.
    last_due_at = models.DateTimeField(null=True)
    #: When a due time was last found to be too late, or was refused: run late, or not at all.
    missed_at = models.DateTimeField(null=True)
    #: When the entry or its schedule was last saved with other values. A new count begins there.
    edited_at = models.DateTimeField(db_default=Now())
    #: When beat has to look at the entry: at its next due time or its end; 1970 after an edit; None: never.
    due_at = models.DateTimeField(null=True, db_index=True)

    class Meta:
        db_table = "switchyard_schedule_clock"

    def __str__(self) -> str:
        return f"{self.schedule} since {self.counts_from}"


class Refusal(models.Model):
    """Why beat could not send an entry, by the last time it was due. Gone when it is sent again.

    What is older than the entry's last edit (``Clock.edited_at``) may have been mended by that. There is no
    constraint: a release that knows nothing of the table can delete an entry too.
    """

    entry = models.OneToOneField(
        PeriodicTask, models.CASCADE, primary_key=True, related_name="refusal", db_constraint=False
    )
    reason = models.TextField()
    #: Refused for this reason since then, and so often.
    since = models.DateTimeField()
    refused_at = models.DateTimeField()
    times = models.PositiveIntegerField()

    class Meta:
        db_table = "switchyard_schedule_refusal"

    def __str__(self) -> str:
        return f"refused {self.times} times since {self.since:%Y-%m-%d %H:%M} UTC: {self.reason}"


@receiver(pre_save, sender=Clock)
def make_room(*, instance: Clock, raw: bool, using: str, **_: Any) -> None:
    """For `loaddata`: the trigger has made one for the entry already, under another number."""
    if raw:
        Clock.objects.using(using).filter(entry=instance.entry_id).exclude(pk=instance.pk).delete()


class Ticks(models.Manager["Tick"]):
    def prune(self, now: datetime, begin: Place = FIRST) -> Place | None:
        """Of ``PRUNED_AT_ONCE`` rows older than ``KEPT`` delete those that are not their entry's newest.

        Returns where the next batch begins: what is gone before it is not read again. None: that was all.
        """
        since, key = begin
        parameters: dict[str, datetime | int] = {
            "since": since,
            "key": key,
            "until": now - KEPT,
            "most": PRUNED_AT_ONCE,
        }
        with connection.cursor() as cursor:
            cursor.execute(_PRUNE, parameters)
            place: Place | None = cursor.fetchone()
        return place


class Tick(models.Model):
    """An entry was sent for a due time. The row is unique and shares its transaction with the message."""

    #: The entry's name, not its key: the row outlives an entry that is deleted.
    entry = models.CharField(max_length=200)
    due_at = models.DateTimeField(db_index=True)
    sent_at = models.DateTimeField()
    task_id = models.UUIDField()

    objects = Ticks()

    class Meta:
        db_table = "switchyard_schedule_tick"
        constraints = (
            models.UniqueConstraint(fields=["entry", "due_at"], name="switchyard_one_tick_per_due_time"),
        )

    def __str__(self) -> str:
        return f"{self.entry} at {self.due_at}"
