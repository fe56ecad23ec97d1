"""Code decides which entries exist and when; the admin decides whether they are enabled."""

import signal
import threading
from dataclasses import replace

import pytest
from celery.schedules import crontab
from django_celery_beat.models import PeriodicTask, PeriodicTasks
from django_celery_beat.schedulers import DatabaseScheduler

from app.schedule.entries import SCHEDULE
from app.schedule.scheduler import Scheduler
from app.schedule.sync import sync_schedule

pytestmark = pytest.mark.django_db

NAME, ENTRY = next(iter(SCHEDULE.items()))


@pytest.fixture(autouse=True)
def one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in SCHEDULE if name != NAME]:
        monkeypatch.delitem(SCHEDULE, name)


def test_expired_tokens_are_purged_nightly_at_three_utc() -> None:
    sync_schedule()
    row = PeriodicTask.objects.get(task="accounts.purge_expired_tokens")
    assert row.schedule.hour == {3}
    assert row.schedule.minute == {0}
    assert str(row.crontab.timezone) == "UTC"


def test_a_second_sync_changes_nothing_and_does_not_stir_beat() -> None:
    assert sync_schedule().created == [NAME]
    stirred = PeriodicTasks.last_change()
    again = sync_schedule()
    assert (again.created, again.changed, again.removed) == ([], [], [])
    assert PeriodicTasks.last_change() == stirred


def test_what_the_admin_switched_off_stays_off() -> None:
    sync_schedule()
    PeriodicTask.objects.filter(name=NAME).update(enabled=False)
    sync_schedule()
    assert not PeriodicTask.objects.get(name=NAME).enabled


def test_a_time_changed_in_code_reaches_the_row_and_beat(monkeypatch) -> None:
    sync_schedule()
    stirred = PeriodicTasks.last_change()
    monkeypatch.setitem(SCHEDULE, NAME, replace(ENTRY, crontab=crontab(hour=4, minute=30)))
    assert sync_schedule().changed == [NAME]
    assert PeriodicTask.objects.get(name=NAME).schedule.hour == {4}
    assert PeriodicTasks.last_change() > stirred


def test_an_entry_that_code_no_longer_has_is_removed_and_the_admins_own_is_left(monkeypatch) -> None:
    sync_schedule()
    PeriodicTask.objects.create(name="by hand", task=ENTRY.task, crontab=PeriodicTask.objects.get().crontab)
    monkeypatch.delitem(SCHEDULE, NAME)
    assert sync_schedule().removed == [NAME]
    assert list(PeriodicTask.objects.values_list("name", flat=True)) == ["by hand"]


def test_the_admin_offers_every_field_of_an_entry_but_its_route(admin_client) -> None:
    sync_schedule()
    page = admin_client.get(f"/admin/django_celery_beat/periodictask/{PeriodicTask.objects.get().pk}/change/")
    assert page.status_code == 200
    assert b'name="expire_seconds"' in page.content
    for field in (b"queue", b"exchange", b"routing_key"):
        assert b'name="%s"' % field not in page.content


@pytest.mark.parametrize("method", ["setup_schedule", "tick", "sync"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_waits_until_beat_is_between_two_steps(
    monkeypatch, settings, tmp_path, method, number
) -> None:
    """Celery's handler raises SystemExit, which was seen to get lost in the middle of a publish."""
    settings.HEARTBEAT_FILE = tmp_path / "heartbeat"
    order = []

    def step(_scheduler: Scheduler) -> float:
        signal.pthread_kill(threading.get_ident(), number)
        order.append("step ended")
        return 0.0

    monkeypatch.setattr(DatabaseScheduler, method, step)
    before = signal.signal(number, lambda *_: order.append("signal"))
    try:
        getattr(Scheduler, method)(object.__new__(Scheduler))
    finally:
        signal.signal(number, before)
    assert order == ["step ended", "signal"]
