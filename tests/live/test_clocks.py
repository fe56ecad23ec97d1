"""A host whose clock is wrong by an hour delays nothing by an hour, and lets nothing run early."""

import sys
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from app.celery import app
from switchyard.outbox.models import Message
from tests.gallery.models import Run
from tests.live.processes import Process, Processes, eventually
from tests.stepped import stepped

HOUR = timedelta(hours=1)
#: Where a caller's clock is read: by Celery for the header, by us for the row.
CALLER = ("celery.app.base.datetime", "switchyard.outbox.amqp.datetime")

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
