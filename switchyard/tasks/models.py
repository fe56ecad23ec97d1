"""Remembers which effects have happened, and which parts of a chord have ended."""

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone


class Once(models.Model):
    """The mark of one effect, committed with it. Written by ``switchyard.tasks.once``."""

    task = models.CharField(max_length=200)
    key = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["task", "key"], name="switchyard_once_for_each_key"),)

    def __str__(self) -> str:
        return f"{self.task}: {self.key}"


class Chord(models.Model):
    """A chord from its call until its body has been sent. Written by ``switchyard.tasks.chords``."""

    #: Celery's id of its header.
    group_id = models.CharField(max_length=255, primary_key=True)
    header = models.TextField(help_text="JSON: the parts' task ids in their order, a group's in a list")
    parts = models.PositiveIntegerField()
    ended = models.PositiveIntegerField(default=0)
    touched_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.group_id}: {self.ended} of {self.parts}"


class ChordPart(models.Model):
    """A part that has ended, with what it returned or raised. Its chord may be gone."""

    group_id = models.CharField(max_length=255)
    task_id = models.CharField(max_length=255)
    state = models.CharField(max_length=50)
    result = models.TextField(help_text="as the result backend writes it")

    class Meta:
        db_table = "switchyard_chord_part"
        constraints = (
            models.UniqueConstraint(fields=["group_id", "task_id"], name="switchyard_chord_part_once"),
        )

    def __str__(self) -> str:
        return f"{self.task_id} of {self.group_id}: {self.state}"
