"""A clock that is wrong delays nothing by as much, lets nothing run early, and stops nothing for good."""

import json
import sys
import time
from datetime import timedelta

import pytest
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from app.celery import app
from switchyard.outbox.models import Message
from switchyard.schedule.models import Tick
from tests.database_clock import database_clock
from tests.gallery.models import Run
from tests.live.processes import Process, Processes, eventually
from tests.stepped import stepped

HOUR = timedelta(hours=1)
#: Where a caller's clock is read: by Celery for the header, by us for the row.
CALLER = ("celery.app.base.datetime", "switchyard.outbox.recorder.datetime")

io_wait = app.tasks["gallery.io_wait"]

#: Runs a role on a host whose clock is so many seconds ahead.
ELSEWHERE = """
import sys
from datetime import timedelta
from app.__main__ import main
import django
django.setup()
import switchyard.relay.link as link
from tests.stepped import ahead

link.datetime = ahead(timedelta(seconds={seconds}))
sys.argv = ["app", "relay"]
main()
"""


def relay_elsewhere(yard: Processes, ahead: timedelta) -> Process:
    return yard.start_command([sys.executable, "-c", ELSEWHERE.format(seconds=ahead.total_seconds())])


def started(key: str) -> float:
    """Unix time at which the task ran, when it has."""
    run = eventually(lambda: Run.objects.filter(key=key).first(), within=30, what=f"{key} to run")
    return run.started


@pytest.mark.parametrize("ahead", [HOUR, -HOUR])
def test_a_countdown_is_counted_right_whatever_the_callers_clock_says(
    yard: Processes, monkeypatch: pytest.MonkeyPatch, ahead: timedelta
) -> None:
    yard.worker("io")
    yard.relay()
    stepped(monkeypatch, ahead, *CALLER)
    called = time.time()
    io_wait.apply_async_on_commit(("kept",), countdown=3)
    io_wait.apply_async(("published",), countdown=3)
    assert 3 <= started("kept") - called < 10
    assert 3 <= started("published") - called < 10


@pytest.mark.parametrize("ahead", [HOUR, -HOUR])
def test_a_countdown_is_counted_right_whatever_the_relays_clock_says(
    yard: Processes, ahead: timedelta
) -> None:
    yard.worker("io")
    called = time.time()
    io_wait.apply_async_on_commit(("kept",), countdown=3)
    relay_elsewhere(yard, ahead)
    assert 3 <= started("kept") - called < 20


def test_a_clock_that_went_back_holds_no_slot_of_a_worker(
    yard: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was due a moment ago is due in an hour again: its slots would be taken until then."""
    with monkeypatch.context() as patch:
        stepped(patch, HOUR, *CALLER)
        for number in range(4):
            io_wait.apply_async_on_commit((f"due {number}",), countdown=1)
        Message.objects.update(eta=timezone.now() - timedelta(seconds=1))
    yard.worker("io", "--concurrency=2")
    yard.relay()
    eventually(lambda: not Message.objects.exists())
    io_wait.apply_async(("after",))
    started("after")
    assert Run.objects.count() == 5


def test_a_database_whose_clock_was_a_day_ahead_for_a_moment_stops_no_schedule(yard: Processes) -> None:
    """Each tick of the moment said that all was done until tomorrow, and every metric that all was well."""
    every = IntervalSchedule.objects.create(every=1, period="seconds")
    args = json.dumps(["tick"])
    PeriodicTask.objects.create(name="tick", task="gallery.io_wait", args=args, interval=every)
    with database_clock() as clock:
        beat = yard.start("beat")
        eventually(lambda: Tick.objects.count() >= 2, what="two ticks")
        clock.set_ahead(timedelta(days=1))
        tomorrow = timezone.now() + timedelta(hours=12)
        eventually(lambda: Tick.objects.filter(due_at__gt=tomorrow).exists(), what="a tick of tomorrow")
        clock.set_ahead(timedelta())
        back = timezone.now()
        later = Tick.objects.filter(due_at__gt=back, due_at__lt=tomorrow)
        eventually(lambda: later.count() >= 5, what="ticks of today")
        beat.kill_all()
    assert not Tick.objects.filter(due_at__gt=tomorrow).exists()
    assert len(beat.events("clock_was_wrong")) == 1
    assert [event["seconds"] > 0 for event in beat.events("database_clock_was_set")] == [True, False]
    due = list(later.order_by("due_at").values_list("due_at", flat=True))
    assert due == [due[0] + number * timedelta(seconds=1) for number in range(len(due))]
