"""Remembers what the exporter has to know between two looks, whichever process looks."""

from django.db import models


class Canary(models.Model):
    """The messages that are sent only to see how long a message waits: one row for each queue.

    Written by ``switchyard.metrics.canary`` alone, by the database's clock.
    """

    queue = models.CharField(max_length=255, primary_key=True)
    sent_at = models.DateTimeField(help_text="the newest")
    waiting_since = models.DateTimeField(null=True, help_text="of the oldest that nobody has answered")
    returned_at = models.DateTimeField(null=True, help_text="the last that came back")
    wait_seconds = models.FloatField(null=True, help_text="of the last that came back")

    def __str__(self) -> str:
        return f"{self.queue}: {self.wait_seconds} s"


class NotEmptySince(models.Model):
    """A queue that has dead letters, and when they were first seen; no row for one that has none."""

    queue = models.CharField(max_length=255, primary_key=True)
    since = models.DateTimeField()

    class Meta:
        db_table = "switchyard_dead_letters_since"

    def __str__(self) -> str:
        return f"{self.queue} since {self.since}"
