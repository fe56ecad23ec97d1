"""Background work that looks after background work."""

from celery import shared_task
from django.utils import timezone

from switchyard.database import delete_in_batches
from switchyard.tasks.models import Once
from switchyard.tasks.once import KEPT


@shared_task(name="switchyard.purge_once")
def purge_once() -> None:
    """Delete the marks of ``once`` that are older than ``KEPT``.

    Idempotent: deletes what is too old at the moment.
    """
    delete_in_batches(Once.objects.filter(created_at__lt=timezone.now() - KEPT))
