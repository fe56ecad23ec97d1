"""A test of somebody's that stops the clock, by freezegun or by time-machine, can call tasks and run beat."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import freezegun
import pytest
import time_machine
from celery import chain, group
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from app.celery import app
from switchyard.outbox.models import Message
from switchyard.pytest_plugin import SentTasks
from switchyard.relay.batch import fetch
from switchyard.schedule.models import Clock, Tick
from switchyard.schedule.scheduler import Scheduler

pytestmark = pytest.mark.django_db(transaction=True)

io_wait: Any = app.tasks["gallery.io_wait"]

WAYS: dict[str, Callable[[datetime], Any]] = {
    "freezegun": freezegun.freeze_time,
    "time-machine": partial(time_machine.travel, tick=False),
}
#: Before every row that there is, and after.
MOMENTS = (datetime(2020, 2, 29, 12, tzinfo=UTC), datetime(2040, 2, 29, 12, tzinfo=UTC))
FROZEN = list(zip(WAYS.values(), MOMENTS, strict=True))


@pytest.fixture(params=FROZEN, ids=WAYS)
def frozen(request: pytest.FixtureRequest, transactional_db: None) -> Iterator[datetime]:
    way, moment = request.param
    with way(moment):
        yield moment


def test_calls_are_kept_and_wait_as_long_as_they_were_to(frozen: datetime) -> None:
    """By the database's own clock, which nobody stops."""
    io_wait.apply_async(("later",), countdown=60)
    io_wait.apply_async(("at",), eta=frozen + timedelta(seconds=60), expires=120)
    waits = [message.eta - message.created_at for message in Message.objects.all()]
    assert [round(wait.total_seconds()) for wait in waits] == [60, 60]
    with transaction.atomic():
        io_wait.delay("now")
        (chain(io_wait.si("a"), io_wait.si("b")) | group(io_wait.si("c"), io_wait.si("d"))).delay()
    assert Message.objects.filter(eta=None).count() == 2
    with transaction.atomic():
        assert len(fetch("io", 0, 10).messages) == Message.objects.count()


def test_what_would_be_sent_has_its_countdown_by_the_clock_that_stands(
    frozen: datetime, sent_tasks: SentTasks
) -> None:
    io_wait.apply_async(("later",), countdown=60)
    io_wait.apply_async(("at",), eta=frozen + timedelta(hours=1))
    assert [sent.countdown for sent in sent_tasks] == [60, 3600]


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_clock_that_somebody_moves_is_followed(way: Any, sent_tasks: SentTasks) -> None:
    for moment in MOMENTS:
        with way(moment):
            io_wait.apply_async(("at",), eta=moment + timedelta(hours=1))
    assert [sent.countdown for sent in sent_tasks] == [3600, 3600]


@pytest.mark.usefixtures("frozen")
def test_beat_goes_by_the_clock_of_the_database_and_its_page_is_shown() -> None:
    each_second = IntervalSchedule.objects.create(every=1, period="seconds")
    PeriodicTask.objects.create(name="e", task="gallery.io_wait", args='["key", 0]', interval=each_second)
    real_now = Clock.objects.get().counts_from
    Clock.objects.update(edited_at=real_now - timedelta(seconds=20))
    beat = Scheduler(app=app, lazy=True)
    try:
        beat.tick()
        Clock.objects.update(due_at=real_now)
        beat.tick()
    finally:
        beat.close()
    assert Message.objects.exists()
    assert abs(Tick.objects.latest("due_at").due_at - real_now) < timedelta(minutes=10)
    client = Client()
    client.force_login(User.objects.create_superuser("on call"))
    assert "gallery.io_wait" in client.get("/admin/switchyard/operations/schedule/").content.decode()
