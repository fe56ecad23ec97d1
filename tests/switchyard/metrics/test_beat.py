"""Beat as the exporter sees it, in the database."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from switchyard.metrics.beat import read_beat
from switchyard.schedule.due import counted_by
from switchyard.schedule.lease import Lease
from switchyard.schedule.models import Clock
from tests.switchyard.schedule.entries import counted_since


@pytest.fixture(autouse=True)
def database(db: None) -> None:
    """Each test has one."""


def test_the_lease_is_held_while_a_beat_holds_it(transactional_db) -> None:
    """Outside a transaction, in which PostgreSQL shows the same sessions again and again."""
    lease = Lease()
    assert read_beat().holders == 0
    assert read_beat().tick_age is None
    assert lease.take()
    try:
        assert read_beat().holders == 1
        assert 0 <= read_beat().tick_age < 60
    finally:
        lease.release()


def test_an_entry_is_overdue_by_as_much_as_it_should_have_been_sent_earlier() -> None:
    assert read_beat().overdue == 0
    counted_since("in time", 10)
    assert read_beat().overdue == 0
    counted_since("late", 400)
    assert 340 <= read_beat().overdue < 400


def test_an_entry_that_nobody_can_read_or_that_is_disabled_hides_no_other() -> None:
    counted_since("late", 400)
    broken = counted_since("broken", 4000)
    IntervalSchedule.objects.create(every=0, period="seconds")
    broken.entry.interval = IntervalSchedule.objects.get(every=0)
    PeriodicTask.objects.filter(pk=broken.entry.pk).update(interval=broken.entry.interval)
    Clock.objects.filter(pk=broken.pk).update(schedule=counted_by(broken.entry))
    disabled = counted_since("disabled", 4000)
    PeriodicTask.objects.filter(pk=disabled.entry.pk).update(enabled=False)
    assert 340 <= read_beat().overdue < 400


def test_a_missed_run_counts_for_a_day() -> None:
    counted_since("yesterday", 10, missed_at=timezone.now() - timedelta(hours=25))
    counted_since("today", 10, missed_at=timezone.now() - timedelta(hours=23))
    counted_since("never", 10)
    assert read_beat().missed == 1
