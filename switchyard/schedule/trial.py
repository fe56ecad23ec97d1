"""Tries whether beat could send an entry, and sends nothing."""

from celery import Celery
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from switchyard.broker.options import is_eager
from switchyard.outbox.capture import captured
from switchyard.outbox.errors import TaskCallError
from switchyard.schedule.call import EntryRefused, call_of
from switchyard.schedule.decision import complaint
from switchyard.schedule.due import timetable
from switchyard.schedule.models import Clock


def look(entry: PeriodicTask, app: Celery) -> None:
    """Raises EntryRefused for a call that cannot be made, or a schedule that nobody can read."""
    call_of(entry, app)
    now = timezone.now()
    try:
        timetable(entry, Clock(counts_from=now))(now)
    except Exception as error:
        # What a schedule may raise, only django-celery-beat and the libraries behind it know.
        raise EntryRefused(complaint(error)) from error


def rehearse(entry: PeriodicTask, app: Celery) -> None:
    """The same, and that its message can be made. For one entry: receivers of Celery's signals see it."""
    look(entry, app)
    if is_eager(app):
        return
    call = call_of(entry, app)
    try:
        with captured() as rows:
            call.task.apply_async(call.args, call.kwargs, **call.options)
            rows.clear()
    except (TaskCallError, TypeError, ValueError) as error:
        raise EntryRefused(str(error)) from error
