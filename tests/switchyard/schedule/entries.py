"""Entries of the schedule for tests that need one whose clock runs already."""

from datetime import timedelta

from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from switchyard.schedule.due import counted_by
from switchyard.schedule.models import Clock


def counted_since(name: str, seconds: float, **clock: object) -> Clock:
    """An entry for every 60 s whose clock began so long ago."""
    interval, _ = IntervalSchedule.objects.get_or_create(every=60, period="seconds")
    row = PeriodicTask.objects.create(name=name, task="gallery.io_wait", args='["a"]', interval=interval)
    began = timezone.now() - timedelta(seconds=seconds)
    due = began + timedelta(seconds=60)
    fields = {"schedule": counted_by(row), "counts_from": began, "edited_at": began, "due_at": due} | clock
    return Clock.objects.update_or_create(entry=row, defaults=fields)[0]
