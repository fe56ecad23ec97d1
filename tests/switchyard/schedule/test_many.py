"""What a look costs does not grow with the entries that are not due, and no edit of an entry is missed."""

from collections.abc import Callable
from contextvars import Context
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from celery.signals import before_task_publish
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from app.celery import app
from switchyard.outbox.models import Message
from switchyard.schedule import scheduler as scheduler_module
from switchyard.schedule.models import Clock, Tick
from switchyard.schedule.scheduler import BATCH, Scheduler
from switchyard.schedule.tick import tick
from tests.calls import functions_called_by

pytestmark = pytest.mark.django_db(transaction=True)

#: Of one batch, and of the look that finds nothing more.
MOST_STATEMENTS = 16
#: Of functions, for an entry that is sent: with its two lines of the log, which the tests write twice.
MOST_CALLS = 1450

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def entries(count: int, every: int, **fields: Any) -> list[PeriodicTask]:
    """As a project makes them, many at once and without a signal; all have been counted from NOON on."""
    interval, _ = IntervalSchedule.objects.get_or_create(every=every, period="seconds")
    fields = {"task": "gallery.io_wait", "args": '["key"]', "interval": interval} | fields
    made = PeriodicTask.objects.bulk_create(
        PeriodicTask(name=f"every {every} s, {number}", **fields) for number in range(count)
    )
    Clock.objects.filter(entry__in=made).update(edited_at=NOON)
    tick([entry.pk for entry in made], NOON, app)
    return made


@pytest.fixture
def beat(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets a beat look, without the lease, so many seconds after NOON, until it has nothing more to do."""
    scheduler = Scheduler(app=app, lazy=True)

    def look(seconds: float) -> None:
        monkeypatch.setattr(scheduler.lease, "now", lambda: after(seconds))
        while scheduler._send() == 0:
            pass

    return look


def test_all_that_is_due_at_one_time_is_sent_by_few_statements_and_nothing_else_is_read(beat) -> None:
    """5,000 due at one time were sent one by one, 1,028 of them before the next were due; the rest never."""
    entries(600, 10)
    entries(600, 10_000)
    beat(5)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        beat(10)
    assert Tick.objects.filter(due_at=after(10)).count() == 600
    assert Message.objects.values("task_id").distinct().count() == 600
    assert len(asked) * 10 < 600
    assert not [query for query in asked if "every 10000 s" in query["sql"]]


@pytest.mark.parametrize("kind", ["interval", "crontab"])
def test_a_batch_is_few_statements_and_an_entry_of_it_few_calls_of_functions(beat, kind: str) -> None:
    """An entry took 1,690 calls, and 0.7 ms of Python with them: 5,000 due at one time took 4 s."""
    every_minute = CrontabSchedule.objects.create() if kind == "crontab" else None
    entries(BATCH, 60, **({"crontab": every_minute, "interval": None} if every_minute else {}))
    beat(5)
    with CaptureQueriesContext(connection) as asked:
        Context().run(beat, 60)
    assert len(asked) <= MOST_STATEMENTS
    assert Context().run(functions_called_by, lambda: beat(120)) / BATCH < MOST_CALLS
    assert Tick.objects.count() == Message.objects.count() == 2 * BATCH


def test_entries_that_share_a_schedule_and_those_that_do_not_are_sent_when_each_is_due(beat) -> None:
    """Each schedule of a batch is read once, and what it says is kept."""
    made = [entries(2, every) for every in (10, 20, 30)]
    IntervalSchedule.objects.filter(every=30).update(every=15)
    Clock.objects.update(edited_at=NOON)
    for seconds in (10, 15, 20, 25, 30):
        beat(seconds)
    sent = {10: [10, 20, 30], 20: [20], 30: [15, 30]}
    assert set(Tick.objects.values_list("entry", "due_at")) == {
        (entry.name, after(due))
        for every, group in zip(sent, made, strict=True)
        for entry in group
        for due in sent[every]
    }


def test_a_look_asks_as_much_with_many_entries_that_are_not_due_as_with_none(beat) -> None:
    entries(5, 10)
    beat(5)
    with CaptureQueriesContext(connection) as few:
        beat(10)
    entries(500, 10_000)
    beat(15)
    with CaptureQueriesContext(connection) as many:
        beat(20)
    assert Tick.objects.count() == 10
    assert len(many) == len(few)


def test_an_entry_that_the_database_refuses_is_said_and_put_off_and_the_others_are_sent(beat, caplog) -> None:
    """A receiver of the project's looks up the tenant, for one: what fails is the transaction of them all."""
    made = entries(3, 10)

    def look_up(headers: dict[str, Any], **_: Any) -> None:
        if headers["periodic_task_name"] == made[1].name:
            PeriodicTask.objects.raw("SELECT 1 / 0 AS id")[0]

    before_task_publish.connect(look_up)
    try:
        beat(10)
    finally:
        before_task_publish.disconnect(look_up)
    assert set(Tick.objects.values_list("entry", flat=True)) == {made[0].name, made[2].name}
    assert Clock.objects.get(entry=made[1]).due_at == after(10 + scheduler_module.PUT_OFF_SECONDS)
    assert Clock.objects.get(entry=made[1]).missed_at == after(10)
    said = [record.msg for record in caplog.records if record.name == "switchyard.schedule"]
    assert [event["entry"] for event in said if event["event"] == "tick_refused"] == [made[1].name]
    beat(10 + scheduler_module.PUT_OFF_SECONDS)
    assert Tick.objects.filter(entry=made[1].name).exists()


def test_an_entrys_clock_begins_with_the_entry_and_not_with_beats_look(beat) -> None:
    """Beat was away when they were made, or had much to send: what was due meanwhile is sent."""
    made = entries(2, 10)
    Clock.objects.update(edited_at=NOON, schedule="", due_at=LONG_AGO, last_due_at=None)
    beat(25)
    assert set(Tick.objects.values_list("entry", "due_at")) == {
        (entry.name, after(due)) for entry in made for due in (10, 20)
    }


def sql(statement: str) -> Callable[[PeriodicTask], Any]:
    def execute(entry: PeriodicTask) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement, [entry.pk])

    return execute


def other_interval(entry: PeriodicTask) -> None:
    interval = IntervalSchedule.objects.create(every=7, period="seconds")
    PeriodicTask.objects.filter(pk=entry.pk).update(interval=interval)


def as_the_admin(entry: PeriodicTask) -> None:
    entry.expires = after(100)
    entry.save()


@pytest.mark.parametrize(
    "edit",
    [
        as_the_admin,
        other_interval,
        lambda entry: PeriodicTask.objects.filter(pk=entry.pk).update(start_time=NOON),
        lambda entry: IntervalSchedule.objects.update(every=7),
        sql("UPDATE django_celery_beat_intervalschedule SET period = 'minutes' WHERE %s > 0"),
        sql("UPDATE django_celery_beat_periodictask SET one_off = true WHERE id = %s"),
    ],
)
def test_whoever_edits_an_entry_and_however_beat_looks_at_it_next(edit) -> None:
    [entry] = entries(1, 10)
    edit(entry)
    clock = Clock.objects.get()
    assert clock.due_at == LONG_AGO
    assert clock.edited_at > NOON


def test_the_count_of_a_tick_and_a_save_that_changes_nothing_are_no_edit(beat) -> None:
    [entry] = entries(1, 10)
    beat(10)
    PeriodicTask.objects.get(pk=entry.pk).save()
    IntervalSchedule.objects.get().save()
    assert (Clock.objects.get().due_at, Clock.objects.get().edited_at) == (after(20), NOON)


@pytest.mark.parametrize(
    "end",
    [
        lambda entry: PeriodicTask.objects.filter(pk=entry.pk).update(enabled=False),
        lambda entry: PeriodicTask.objects.filter(pk=entry.pk).delete(),
        sql("DELETE FROM django_celery_beat_periodictask WHERE id = %s"),
        sql("UPDATE django_celery_beat_periodictask SET enabled = false WHERE id = %s"),
    ],
)
def test_an_entry_that_is_disabled_or_deleted_has_no_clock(end) -> None:
    [entry] = entries(1, 10)
    end(entry)
    assert not Clock.objects.exists()


def test_what_no_trigger_has_seen_is_found_by_the_review(beat) -> None:
    """As of the release before, after a restore with its triggers disabled, or written by hand."""
    late, unseen, disabled = entries(3, 10)
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        Clock.objects.filter(entry=late).update(due_at=None)
        Clock.objects.filter(entry=unseen).delete()
        PeriodicTask.objects.filter(pk=disabled.pk).update(enabled=False)
        cursor.execute("SET session_replication_role = origin")
    beat(15)
    assert Tick.objects.get().entry == late.name
    assert set(Clock.objects.values_list("entry", flat=True)) == {late.pk, unseen.pk}


def test_a_crontab_that_nobody_can_read_counts_as_missed_until_it_is_corrected(beat) -> None:
    crontab = CrontabSchedule.objects.create(minute="99")
    entries(1, 10, interval=None, crontab=crontab)
    assert Clock.objects.get().missed_at == NOON
    assert Clock.objects.get().due_at is None
    CrontabSchedule.objects.update(minute="*")
    Clock.objects.update(edited_at=NOON)
    beat(60)
    assert Tick.objects.get().due_at == after(60)


def test_the_triggers_are_taken_away_and_made_again_with_their_migration(beat) -> None:
    [entry] = entries(1, 10)
    migration = import_module("switchyard.migrations.0003_schedule_due")
    with connection.cursor() as cursor:
        for statement in migration.DROP:
            cursor.execute(statement)
        as_the_admin(entry)
        assert Clock.objects.get().due_at == after(10)
        for statement in migration.CREATE:
            cursor.execute(statement)
    other_interval(entry)
    assert Clock.objects.get().due_at == LONG_AGO
