"""Remembers what was enqueued by Django's task API, and what became of it.

Knows nothing of that API, which may not be there.
"""

from datetime import timedelta

from celery import shared_task
from django.db import models
from django.utils import timezone

from switchyard.database import delete_in_batches

#: How long a call is remembered, from when it was enqueued. One that runs later than that is known again.
KEPT = timedelta(days=30)


class Enqueued(models.Model):
    """One call, committed with its message. Written by ``switchyard.backend``, by its process' clock."""

    #: The id of Celery's task, and of the outbox message.
    id = models.UUIDField(primary_key=True)
    backend = models.CharField(max_length=100)
    task = models.CharField(max_length=255, help_text="dotted path of the function")
    queue = models.CharField(max_length=100)
    priority = models.SmallIntegerField()
    run_after = models.DateTimeField(null=True)
    arguments = models.JSONField(help_text="positional, then named")
    status = models.CharField(max_length=10)
    enqueued_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    last_attempted_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    returned = models.JSONField(null=True)
    errors = models.JSONField(default=list, help_text="class and traceback of each")
    workers = models.JSONField(default=list, help_text="the node of each attempt")

    class Meta:
        db_table = "switchyard_enqueued"
        indexes = (models.Index(fields=["enqueued_at"], name="switchyard_enqueued_by_age"),)

    def __str__(self) -> str:
        return f"{self.task} {self.id}: {self.status}"


@shared_task(name="switchyard.purge_enqueued")
def purge_enqueued() -> None:
    """Delete what was enqueued longer ago than ``KEPT``.

    Idempotent: deletes what is too old at the moment.
    """
    old = Enqueued.objects.filter(enqueued_at__lt=timezone.now() - KEPT)
    delete_in_batches(old, by="enqueued_at")
