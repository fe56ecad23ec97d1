"""Records what people did with dead letters."""

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

    class Meta:
        db_table = "switchyard_dead_letter_action"
        constraints = (
            models.UniqueConstraint(fields=["identity", "verb"], name="switchyard_one_action_of_each"),
        )

    def __str__(self) -> str:
        return f"{self.verb} of {self.task or 'no task'} {self.task_id} by {self.by}"
