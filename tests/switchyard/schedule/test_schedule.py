"""Code decides which entries exist and when; the admin decides whether they are enabled."""

import json
import signal
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from celery.schedules import crontab
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django_celery_beat.admin import PeriodicTaskForm
from django_celery_beat.models import CrontabSchedule, PeriodicTask, PeriodicTasks

from app.celery import app
from switchyard.ops.admin import EntryForm
from switchyard.ops.edits import mark
from switchyard.outbox.models import Message
from switchyard.routing import QUEUE_MAP
from switchyard.schedule.due import counted_by
from switchyard.schedule.entry import Missed
from switchyard.schedule.lease import LeaseLost
from switchyard.schedule.models import Clock, Rule, Tick
from switchyard.schedule.scheduler import Scheduler
from switchyard.schedule.sync import SCHEDULE, sync_schedule

pytestmark = pytest.mark.django_db

NAME = "purge once"
ENTRY = SCHEDULE[NAME]
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_an_entry_is_sent_at_its_time_in_utc() -> None:
    sync_schedule()
    row = PeriodicTask.objects.get(task="switchyard.purge_once")
    assert row.schedule.hour == {3}
    assert row.schedule.minute == {20}
    assert str(row.crontab.timezone) == "UTC"


def test_a_second_sync_changes_nothing_and_does_not_stir_beat() -> None:
    assert sync_schedule().created == list(SCHEDULE)
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
    PeriodicTask.objects.create(
        name="by hand", task=ENTRY.task, crontab=PeriodicTask.objects.get(name=NAME).crontab
    )
    monkeypatch.delitem(SCHEDULE, NAME)
    assert sync_schedule().removed == [NAME]
    assert set(PeriodicTask.objects.values_list("name", flat=True)) == {*SCHEDULE, "by hand"}


@pytest.mark.django_db(transaction=True)
def test_the_admin_sends_an_entry_now_without_a_broker_and_says_what_it_cannot_send(admin_client) -> None:
    sync_schedule()
    PeriodicTask.objects.create(
        name="of another release", task="no.such", crontab=PeriodicTask.objects.get(name=NAME).crontab
    )
    rows = PeriodicTask.objects.filter(name__in=[NAME, "of another release"])
    chosen = {"action": "run_tasks", "_selected_action": list(rows.values_list("pk", flat=True))}
    page = admin_client.post("/admin/django_celery_beat/periodictask/", chosen, follow=True)
    [message] = Message.objects.all()
    assert message.task == ENTRY.task
    said = sorted(map(str, page.context["messages"]))
    assert said[0].startswith("of another release: This release has no task 'no.such'.")
    assert said[1:] == [f"{NAME} was sent as task {message.task_id}."]


def test_the_admin_offers_every_field_of_an_entry_but_its_route(admin_client) -> None:
    sync_schedule()
    row = PeriodicTask.objects.get(name=NAME)
    page = admin_client.get(f"/admin/django_celery_beat/periodictask/{row.pk}/change/")
    assert page.status_code == 200
    assert b'name="expire_seconds"' in page.content
    assert b'name="queue"' in page.content
    for field in (b"exchange", b"routing_key"):
        assert b'name="%s"' % field not in page.content


def test_the_admin_takes_no_row_for_a_queue_that_is_not_declared(monkeypatch) -> None:
    monkeypatch.setitem(QUEUE_MAP, "celery", "cpu")
    known = {"task": NAME, "queue": ""}
    for queue, named in (("", True), ("io", True), ("celery", True), ("elsewhere", False)):
        form = EntryForm()
        monkeypatch.setattr(PeriodicTaskForm, "clean", lambda _, queue=queue: known | {"queue": queue})
        monkeypatch.setitem(known, "task", ENTRY.task)
        with nullcontext() if named else pytest.raises(ValidationError, match="have QUEUE_MAP in app"):
            form.clean()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_waits_until_beat_is_between_two_steps(monkeypatch, number) -> None:
    """Celery's handler raises SystemExit, which was seen to get lost in the middle of a publish."""
    order = []

    def step(_scheduler: Scheduler) -> bool:
        signal.raise_signal(number)
        order.append("step ended")
        raise LeaseLost("for the test")

    monkeypatch.setattr(Scheduler, "_holds_lease", step)
    before = signal.signal(number, lambda *_: order.append("signal"))
    try:
        Scheduler(app=app, lazy=True).tick()
    finally:
        signal.signal(number, before)
    assert order == ["step ended", "signal"]
    assert signal.alarm(0) == 0


def test_a_signal_ends_a_process_whose_step_does_not_end() -> None:
    stuck = (
        "import os, signal, time\n"
        "from switchyard.schedule import undisturbed\n"
        "undisturbed.GRACE_SECONDS = 1\n"
        "with undisturbed.undisturbed():\n"
        "    signal.raise_signal(signal.SIGTERM)\n"
        "    while True: time.sleep(60)\n"
    )
    ended = subprocess.run([sys.executable, "-c", stuck], timeout=60, check=False)
    assert ended.returncode == -signal.SIGALRM


def test_a_rule_changed_in_code_reaches_the_row(monkeypatch) -> None:
    sync_schedule()
    assert (Rule.objects.get(entry__name=NAME).missed, Rule.objects.get(entry__name=NAME).late_seconds) == (
        Missed.ONCE,
        30,
    )
    monkeypatch.setitem(SCHEDULE, NAME, replace(ENTRY, missed=Missed.SKIP, late_seconds=600))
    assert sync_schedule().changed == [NAME]
    assert str(Rule.objects.get(entry__name=NAME)) == "skip after 600 s"
    assert sync_schedule().changed == []


def test_the_rule_of_an_entry_is_edited_beside_it(admin_client) -> None:
    sync_schedule()
    row = PeriodicTask.objects.get(name=NAME)
    page = f"/admin/django_celery_beat/periodictask/{row.pk}/change/"
    form = {"name": NAME, "task": row.task, "crontab": row.crontab_id, "enabled": "on"}
    form |= {"args": "[]", "kwargs": "{}", "headers": "{}", "rule-TOTAL_FORMS": 1, "rule-INITIAL_FORMS": 1}
    form |= {
        "seen": mark(row),
        "rule-0-id": row.rule.pk,
        "rule-0-entry": row.pk,
        "rule-0-missed": "skip",
        "rule-0-late_seconds": 5,
    }
    answer = admin_client.post(page, form)
    assert answer.status_code == 302, answer.content.decode()
    assert str(Rule.objects.get(entry=row)) == "skip after 5 s"


def test_ticks_are_read_in_the_admin_and_not_written(admin_client) -> None:
    row = Tick.objects.create(entry="e", due_at=NOON, sent_at=NOON, task_id="0" * 32)
    page = admin_client.get("/admin/switchyard/tick/")
    assert b"March 1, 2026, noon" in page.content
    assert admin_client.get("/admin/switchyard/tick/add/").status_code == 403
    assert admin_client.post(f"/admin/switchyard/tick/{row.pk}/change/", {"entry": "x"}).status_code == 403


def listed(*arguments: str) -> str:
    return said("list", *arguments)


def said(*arguments: str) -> str:
    out = StringIO()
    call_command("switchyard", "schedule", *arguments, stdout=out)
    return out.getvalue()


def test_a_sync_says_what_it_changed_and_a_second_one_that_nothing_had_to_be() -> None:
    assert f"created {NAME}\n" in said("sync")
    assert said("sync") == "The schedule is as declared.\n"
    PeriodicTask.objects.get(name=NAME).delete()
    assert json.loads(said("sync", "--json")) == {"created": [NAME], "changed": [], "removed": []}


def test_the_list_shows_for_each_entry_when_it_was_and_will_be_sent() -> None:
    sync_schedule()
    row = PeriodicTask.objects.get(name=NAME)
    Clock.objects.filter(entry=row).update(
        schedule=counted_by(row),
        counts_from=NOON,
        last_due_at=NOON + timedelta(hours=15, minutes=20),
    )
    Tick.objects.create(
        entry=NAME, due_at=NOON + timedelta(hours=15, minutes=20), sent_at=NOON, task_id="0" * 32
    )
    [shown] = [entry for entry in json.loads(listed("--json")) if entry["entry"] == NAME]
    assert shown == {
        "entry": NAME,
        "task": "switchyard.purge_once",
        "schedule": "20 3 * * * (m/h/dM/MY/d) UTC",
        "enabled": True,
        "rule": "once after 30 s",
        "last_due": "2026-03-02T03:20:00+00:00",
        "last_sent": "2026-03-01T12:00:00+00:00",
        "next_due": "2026-03-03T03:20:00+00:00",
        "refused": None,
    }
    assert NAME in listed()


def test_the_list_says_what_is_wrong_with_a_schedule_and_nothing_is_due_that_is_disabled() -> None:
    broken = CrontabSchedule.objects.create(minute="99")
    PeriodicTask.objects.create(name="broken", task="t", crontab=broken)
    PeriodicTask.objects.create(name="off", task="t", crontab=broken, enabled=False)
    shown = {entry["entry"]: entry["next_due"] for entry in json.loads(listed("--json"))}
    assert shown == {"broken": "ValueError: Invalid end range: 99 > 59.", "off": None}
