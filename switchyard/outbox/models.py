"""Stores messages that were accepted and are not at the broker yet."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class Message(models.Model):
    """One finished message: the relay publishes it without knowing the task's code, and deletes the row.

    Rows are written by ``switchyard.outbox.rows`` alone. The key is a number and not the task id, because a
    task id may rightly wait twice (a caller that names it again), and because numbers keep the order and the
    index of a table that is emptied from its front.
    """

    task_id = models.CharField(max_length=255)
    task = models.CharField(max_length=255)
    queue = models.CharField(max_length=255, help_text="routing key; the delay of an eta is added on publish")
    headers = models.TextField(help_text="JSON, as kombu writes it")
    properties = models.TextField(help_text="JSON of the AMQP properties")
    body = models.TextField(help_text="as it is published")
    eta = models.DateTimeField(null=True, help_text="not before; counted from the call, not from the publish")
    created_at = models.DateTimeField(db_default=Now())
    #: Set when the broker refused the message for its own fault; such a row waits for a person.
    quarantined_at = models.DateTimeField(null=True)
    reason = models.TextField(db_default="")

    #: Seconds until the eta when a relay fetched the row.
    due_in: float | None = None
    #: The first row that somebody else had locked then, among those that were fetched with it or before them.
    skipped: int | None = None

    class Meta:
        db_table = "switchyard_outbox"
        indexes = (
            # What the relay fetches, queue by queue and oldest first, whatever else is in the table.
            models.Index(
                fields=["queue", "id"],
                condition=Q(quarantined_at__isnull=True),
                name="switchyard_outbox_waiting",
            ),
            models.Index(
                fields=["id"], condition=Q(quarantined_at__isnull=False), name="switchyard_quarantine"
            ),
        )

    def __str__(self) -> str:
        return f"{self.task} {self.task_id}"


class Position(models.Model):
    """How far a queue has been sent: of the rows with a number up to this one none waited any more.

    As of a few seconds ago, and as far as a relay knew: who commits late has a lower number. With it a look
    at what waits begins where that begins. Below are only rows that are gone, which would be read one by one
    as long as an older transaction keeps them. Written by ``switchyard.outbox.position``.
    """

    queue = models.CharField(max_length=255, primary_key=True)
    sent_up_to = models.BigIntegerField()

    class Meta:
        db_table = "switchyard_outbox_position"

    def __str__(self) -> str:
        return f"{self.queue}: {self.sent_up_to}"
