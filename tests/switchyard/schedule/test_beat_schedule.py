"""What a project has in Celery's own schedule is sent by ours, or is an error of ``check``."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from celery.schedules import crontab, schedule, solar
from django.core.checks import run_checks
from django_celery_beat.models import PeriodicTask

from app.celery import app
from switchyard.outbox.models import Message
from switchyard.routing import QUEUE_MAP
from switchyard.schedule.call import call_of
from switchyard.schedule.checks import celerys_entries_can_be_taken_over, rows_can_be_sent
from switchyard.schedule.decision import Verdict
from switchyard.schedule.models import Clock
from switchyard.schedule.sync import SCHEDULE, sync_schedule
from switchyard.schedule.tick import tick

pytestmark = pytest.mark.django_db

WAIT = {"task": "gallery.io_wait", "args": ["a"]}
Declare = Callable[..., None]


@pytest.fixture
def declare(monkeypatch: pytest.MonkeyPatch) -> Declare:
    """Have Celery's schedule hold these entries."""
    monkeypatch.setitem(app.conf, "beat_schedule", {})
    return lambda **entries: app.conf.beat_schedule.update(entries)


@pytest.mark.parametrize(
    ("when", "shown"),
    [
        (30.0, "every 30 seconds"),
        (timedelta(minutes=5), "every 300 seconds"),
        (schedule(60), "every 60 seconds"),
        (crontab(hour=3, minute="*/10"), "*/10 3 * * *"),
        (solar("sunset", -37.8, 144.9), "sunset"),
    ],
)
def test_an_entry_becomes_a_row_that_says_the_same(declare: Declare, when: Any, shown: str) -> None:
    declare(theirs=WAIT | {"schedule": when, "options": {"expires": 10, "priority": 3, "headers": {"a": 1}}})
    assert "theirs" in sync_schedule().created
    row = PeriodicTask.objects.get(name="theirs")
    assert shown in str(row.interval or row.crontab or row.solar).lower()
    call = call_of(row, app)
    assert (call.task.name, call.args, call.kwargs) == ("gallery.io_wait", ["a"], {})
    said = {"expires": 10, "priority": 3, "headers": {"a": 1, "periodic_task_name": "theirs"}}
    assert call.options == said
    again = sync_schedule()
    assert (again.created, again.changed, again.removed) == ([], [], [])


def test_it_is_sent_when_it_is_due(declare: Declare) -> None:
    declare(theirs=WAIT | {"schedule": 10})
    sync_schedule()
    row = PeriodicTask.objects.get(name="theirs")
    Clock.objects.update_or_create(
        entry=row, defaults={"counts_from": datetime(2026, 3, 1, tzinfo=UTC), "schedule": ""}
    )
    [decision] = tick([row.pk], datetime.now(UTC) + timedelta(seconds=15), app)
    assert decision.verdict is Verdict.SEND


def test_what_add_periodic_task_adds_is_taken_over_too(declare: Declare) -> None:
    app.add_periodic_task(60, app.tasks["gallery.io_wait"].s("a"), name="added")
    sync_schedule()
    assert PeriodicTask.objects.get(name="added").interval.every == 60


def test_an_entry_that_is_gone_is_removed_and_one_that_is_changed_is_corrected(declare: Declare) -> None:
    declare(one=WAIT | {"schedule": 60}, other=WAIT | {"schedule": 60})
    sync_schedule()
    del app.conf.beat_schedule["one"]
    declare(other=WAIT | {"schedule": crontab(minute="0")})
    synced = sync_schedule()
    assert (synced.removed, synced.changed) == (["one"], ["other"])
    row = PeriodicTask.objects.get(name="other")
    assert row.crontab
    assert row.interval is None


def test_the_engines_own_entry_gives_way_to_a_projects(declare: Declare) -> None:
    declare(**{"celery.backend_cleanup": {"task": "celery.backend_cleanup", "schedule": 3600}})
    sync_schedule()
    assert PeriodicTask.objects.get(name="celery.backend_cleanup").interval.every == 3600
    assert not list(celerys_entries_can_be_taken_over())


class Odd(schedule):
    """A kind of a project's own."""


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (WAIT | {"task": "no.such", "schedule": 60}, "no task 'no.such'"),
        (WAIT | {"schedule": 0.5}, "whole number of seconds"),
        (WAIT | {"schedule": Odd(60)}, "its schedule is"),
        (WAIT, "its schedule is None"),
        (WAIT | {"schedule": 60, "args": [object()]}, "no JSON form"),
        (WAIT | {"schedule": 60, "options": {"queue": "elsewhere"}}, "'elsewhere' is not a declared one"),
        (WAIT | {"schedule": 60, "options": {"routing_key": "x"}}, "options routing_key"),
        (WAIT | {"schedule": 60, "options": {"expires": datetime.now(UTC)}}, "its expires is"),
    ],
)
def test_what_no_row_can_hold_is_an_error_with_the_line_to_write(
    declare: Declare, entry: dict[str, Any], why: str
) -> None:
    declare(theirs=entry)
    [error] = [found for found in run_checks() if found.id == "yard.E15"]
    assert error.is_serious()
    assert why in error.msg
    assert '"theirs": ScheduleEntry(task=' in error.hint
    assert "theirs" not in sync_schedule().created


def test_one_name_in_both_schedules_is_an_error(declare: Declare, monkeypatch: pytest.MonkeyPatch) -> None:
    declare(**{"purge once": WAIT | {"schedule": 60}})
    for module in ("sync", "checks"):
        monkeypatch.setattr(f"switchyard.schedule.{module}.OWN_ENTRIES", {"purge once"})
    assert [error.id for error in celerys_entries_can_be_taken_over()] == ["yard.E15"]
    sync_schedule()
    assert PeriodicTask.objects.get(name="purge once").task == SCHEDULE["purge once"].task


def test_a_row_for_a_declared_queue_is_sent_there_and_one_for_another_is_an_error(
    declare: Declare, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(QUEUE_MAP, "celery", "cpu")
    queues = {"own": "io", "mapped": "celery", "none": None, "wrong": "elsewhere"}
    declare(**{name: WAIT | {"schedule": 60} for name in queues})
    sync_schedule()
    for name, queue in queues.items():
        PeriodicTask.objects.filter(name=name).update(queue=queue)
    rows = {row.name: row for row in PeriodicTask.objects.exclude(name="wrong")}
    assert {name: call_of(rows[name], app).options.get("queue") for name in ("own", "mapped", "none")} == {
        "own": None,
        "mapped": "cpu",
        "none": None,
    }
    mapped = call_of(rows["mapped"], app)
    mapped.task.apply_async(mapped.args, mapped.kwargs, **mapped.options)
    assert [message.queue for message in Message.objects.all()] == ["cpu"]
    assert [error.obj for error in rows_can_be_sent()] == ["wrong"]
    PeriodicTask.objects.filter(name="wrong").update(enabled=False)
    assert not list(rows_can_be_sent())
