"""Records what people did with dead letters, what they have asked for, and a copy of what the lists show."""

from django.db import models
from django.db.models.functions import Now


class Verb(models.TextChoices):
    REPLAY = "replay"
    DISCARD = "discard"


class Action(models.Model):
    """One dead letter that was replayed or discarded, by whom and when. Its payload is not kept.

    Written before the dead letter is taken out of its queue, and unique: a replay that was killed in between
    finds the row at its next run, and takes out what it has already sent.
    """

    verb = models.CharField(max_length=10, choices=Verb)
    identity = models.CharField(max_length=64, help_text="SHA-256 of the dead letter, its death included")
    task_id = models.CharField(max_length=255, db_index=True)
    task = models.CharField(max_length=255)
    queue = models.CharField(max_length=255)
    reason = models.CharField(max_length=255)
    died_at = models.DateTimeField(null=True)
    by = models.CharField(max_length=255)
    at = models.DateTimeField(db_default=Now(), db_index=True)
    job = models.BigIntegerField(null=True, help_text="number of the job that did it")

    class Meta:
        db_table = "switchyard_dead_letter_action"
        constraints = (
            models.UniqueConstraint(fields=["identity", "verb"], name="switchyard_one_action_of_each"),
        )

    def __str__(self) -> str:
        return f"{self.verb} of {self.task or 'no task'} {self.task_id} by {self.by}"


class Deed(models.TextChoices):
    """What a job does: brings the copy up to date, or what an action says."""

    COPY = "copy"
    REPLAY = "replay"
    DISCARD = "discard"


class State(models.TextChoices):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


class Job(models.Model):
    """Something that somebody has asked for on all dead letters that are meant, and how far it is.

    One whose process died is still running by its row, and is taken up again by the next process: what it has
    done is out of the queues, and is counted once (switchyard/deadletters/actions.py).
    """

    deed = models.CharField(max_length=10, choices=Deed)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING, db_index=True)
    by = models.CharField(max_length=255, help_text="who asked")
    why = models.CharField(max_length=500, blank=True)
    asked_at = models.DateTimeField(db_default=Now())
    # Which are meant. What is empty matches everything.
    place = models.CharField(max_length=255, blank=True)
    task = models.CharField(max_length=255, blank=True, help_text="a pattern")
    reason = models.CharField(max_length=255, blank=True)
    task_id = models.CharField(max_length=255, blank=True)
    died_by = models.DateTimeField(null=True, help_text="none that died later is meant")
    to = models.CharField(max_length=255, blank=True, help_text="queue; empty: where each belongs")
    rate = models.FloatField(null=True, help_text="at most so many a second")
    most = models.BigIntegerField(null=True, help_text="stop after so many")
    counted = models.BigIntegerField(null=True, help_text="as many as who asked was shown")
    # How far it is.
    begun_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True, help_text="when its process last said something")
    ended_at = models.DateTimeField(null=True)
    expected = models.BigIntegerField(default=0, help_text="dead letters to look at, in this run of it")
    looked_at = models.BigIntegerField(default=0)
    done = models.BigIntegerField(default=0)
    refusals = models.JSONField(default=dict, help_text="why some could not be done, and how many")
    chords_over = models.BigIntegerField(default=0, help_text="of done: parts of chords that have failed")
    trouble = models.TextField(blank=True)
    cancelled_by = models.CharField(max_length=255, blank=True)

    class Meta:
        db_table = "switchyard_dead_letter_job"

    def __str__(self) -> str:
        return f"{self.deed} {self.pk} by {self.by}: {self.state}"

    @property
    def is_over(self) -> bool:
        return self.state not in {State.WAITING, State.RUNNING}

    @property
    def refused(self) -> int:
        return sum(self.refusals.values())


class Copy(models.Model):
    """What the lists say of one dead letter. It stays on the broker, and what it holds is only there."""

    identity = models.CharField(max_length=64, primary_key=True)
    place = models.CharField(max_length=255)
    task = models.CharField(max_length=255)
    task_id = models.CharField(max_length=255, db_index=True)
    reason = models.CharField(max_length=255)
    error = models.CharField(max_length=300)
    fault = models.CharField(max_length=300)
    deaths = models.BigIntegerField()
    died_at = models.DateTimeField(null=True, db_index=True)
    job = models.BigIntegerField(help_text="the copy that saw it last")

    class Meta:
        db_table = "switchyard_dead_letter"
        indexes = (models.Index(fields=["place", "job"], name="switchyard_dead_letter_place"),)

    def __str__(self) -> str:
        return f"{self.task or 'no task'} {self.task_id} in {self.place}"
