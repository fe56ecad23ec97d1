"""What a wrong clock wrote into the schedule is said and mended, and nothing is sent twice by that."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from app.celery import app
from switchyard.metrics.beat import beat_metrics, read_beat
from switchyard.schedule.mending import mend
from switchyard.schedule.models import Clock, Tick
from switchyard.schedule.scheduler import Scheduler

pytestmark = pytest.mark.django_db(transaction=True)

DAY = timedelta(days=1)


@pytest.fixture
def entry() -> PeriodicTask:
    """Every 10 s since 100 s ago."""
    interval = IntervalSchedule.objects.create(every=10, period="seconds")
    row = PeriodicTask.objects.create(name="e", task="gallery.io_wait", args='["key"]', interval=interval)
    Clock.objects.update(edited_at=timezone.now() - timedelta(seconds=100))
    return row


@pytest.fixture
def beat(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Lets a beat look until it has nothing more to do, with the database's clock so far ahead."""
    scheduler = Scheduler(app=app, lazy=True)

    def look(ahead: timedelta = timedelta()) -> None:
        monkeypatch.setattr(scheduler.lease, "now", lambda: timezone.now() + ahead)
        while scheduler._send() == 0:
            pass

    return look


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.msg["event"] for record in caplog.records if record.levelname == "ERROR"]


def sent_since(moment: datetime) -> list[datetime]:
    """Due times that were sent since then and have come."""
    due = Tick.objects.filter(due_at__gt=moment, due_at__lte=timezone.now())
    return list(due.order_by("due_at").values_list("due_at", flat=True))


def test_a_day_ahead_for_a_moment_and_back_again_stops_nothing(entry, beat, caplog) -> None:
    beat()
    before = Tick.objects.latest("due_at").due_at
    beat(DAY)
    assert Tick.objects.latest("due_at").due_at > timezone.now()
    Clock.objects.update(counts_from=before - timedelta(seconds=30))
    Tick.objects.filter(due_at=before).update(due_at=before - timedelta(seconds=10))
    beat()
    assert sent_since(before - timedelta(seconds=10)) == [before]
    assert not Tick.objects.filter(due_at__gt=timezone.now()).exists()
    assert Clock.objects.get().due_at < timezone.now() + timedelta(seconds=11)
    assert said(caplog) == ["database_clock_was_set", "database_clock_was_set", "clock_was_wrong"]
    assert read_beat().missed == 1
    entry.refresh_from_db()
    assert entry.last_run_at <= timezone.now()


def test_a_day_back_for_a_moment_sends_nothing_a_second_time(entry, beat) -> None:
    """Then it is the moment at which it is mended that is wrong, as this host's own clock says."""
    beat()
    sent = Tick.objects.count()
    beat(-DAY)
    beat()
    assert Tick.objects.count() - sent <= 1
    assert Tick.objects.values("due_at").distinct().count() == Tick.objects.count()


@pytest.mark.parametrize(
    "written",
    [
        {"last_due_at": DAY, "due_at": DAY},
        {"counts_from": DAY, "last_due_at": None, "due_at": DAY},
        {"edited_at": DAY, "counts_from": DAY, "schedule": "", "due_at": DAY},
        {"due_at": DAY},
        {"missed_at": DAY},
    ],
)
def test_a_row_from_the_future_is_mended_by_the_beat_that_begins(
    entry, beat, written: dict[str, Any]
) -> None:
    """Restored on a host whose clock is slower, or written by hand."""
    beat()
    moments = {
        name: timezone.now() + value if isinstance(value, timedelta) else value
        for name, value in written.items()
    }
    Clock.objects.update(**moments)
    scheduler = Scheduler(app=app, lazy=True)
    scheduler.lease.now = timezone.now
    while scheduler._send() == 0:
        pass
    clock, soon = Clock.objects.get(), timezone.now() + timedelta(seconds=11)
    assert timezone.now() - timedelta(seconds=1) < clock.due_at < soon
    assert all(moment is None or moment < soon for moment in (clock.last_due_at, clock.missed_at))


def test_what_is_in_order_is_left_alone(entry, beat, caplog) -> None:
    """Two databases' clocks may differ by a moment, before a switchover and after it."""
    beat()
    Clock.objects.update(last_due_at=timezone.now() + timedelta(seconds=5))
    before = list(Clock.objects.values())
    assert mend(timezone.now()) == 0
    assert list(Clock.objects.values()) == before
    assert said(caplog) == []


def test_an_age_in_the_future_is_never_shown_as_a_good_one(entry, beat) -> None:
    """86,359 s before now was "just now" for every rule that looks for what is old."""
    beat()
    Tick.objects.update(sent_at=timezone.now() + DAY)
    ages = [
        sample.value
        for metric in beat_metrics(read_beat())
        if metric.name.endswith("sent_age_seconds")
        for sample in metric.samples
    ]
    assert ages == [float("inf")]
