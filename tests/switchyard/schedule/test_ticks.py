"""A tick is sent once, by the entry as it is at that moment, and no entry is in another's way."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask

from app.celery import app
from switchyard.schedule import rows as rows_module
from switchyard.schedule import tick as tick_module
from switchyard.schedule.decision import Decision
from switchyard.schedule.entry import Missed
from switchyard.schedule.models import FIRST, KEPT, Clock, Rule, Tick
from switchyard.schedule.scheduler import Scheduler

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def database(db: None) -> None:
    """Each test has one."""


@pytest.fixture
def sent(monkeypatch) -> list[dict[str, Any]]:
    """What is handed to apply_async_on_commit; how that keeps its promise is another file's."""
    calls: list[dict[str, Any]] = []

    def record(args: Any = None, kwargs: Any = None, **options: Any) -> None:
        calls.append({"args": args, "kwargs": kwargs} | options)

    monkeypatch.setattr(app.tasks["gallery.io_wait"], "apply_async_on_commit", record)
    return calls


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def entry(name: str = "e", seconds: int = 10, **fields: Any) -> PeriodicTask:
    """An entry that beat has counted from NOON on."""
    if not fields.keys() & {"crontab", "clocked"}:
        fields["interval"], _ = IntervalSchedule.objects.get_or_create(every=seconds, period="seconds")
    fields = {"task": "gallery.io_wait", "args": '["key"]'} | fields
    row = PeriodicTask.objects.create(name=name, **fields)
    seen_at(row, NOON)
    return row


def seen_at(row: PeriodicTask, moment: datetime) -> None:
    """As if the row's last edit had been at that moment, and beat had looked at it then."""
    Clock.objects.filter(entry=row).update(edited_at=moment)
    tick(row.pk, moment)


def tick(key: int, now: datetime) -> Decision | None:
    """What became of a due time of that one entry, if one was dealt with."""
    found = [each for each in tick_module.tick([key], now, app) if each.verdict]
    return found[0] if found else None


def due_at() -> datetime | None:
    return Clock.objects.get().due_at


def due_times(name: str = "e") -> list[datetime]:
    return list(Tick.objects.filter(entry=name).order_by("due_at").values_list("due_at", flat=True))


def test_a_new_entry_is_first_due_one_interval_after_beat_saw_it(sent) -> None:
    row = entry()
    assert due_at() == after(10)
    assert tick(row.pk, after(9)) is None
    assert sent == []


def test_a_tick_is_sent_with_its_options_and_counted(sent) -> None:
    row = entry(kwargs='{"seconds": 2}', headers='{"x": 1}', priority=3, expire_seconds=60)
    ticked = tick(row.pk, after(12))
    assert (ticked.verdict, ticked.due_at) == ("tick_sent", after(10))
    [call] = sent
    task_id = str(Tick.objects.get().task_id)
    assert call == {
        "args": ["key"],
        "kwargs": {"seconds": 2},
        "headers": {"x": 1, "periodic_task_name": "e"},
        "priority": 3,
        "expires": 60,
        "task_id": task_id,
    }
    row.refresh_from_db()
    assert row.total_run_count == 1
    assert row.last_run_at >= Tick.objects.get().sent_at


def test_a_due_time_is_sent_once_even_if_its_clock_is_set_back(sent) -> None:
    """What a beat would believe that was frozen before and wakes up after another has sent the tick."""
    row = entry()
    tick(row.pk, after(12))
    Clock.objects.update(last_due_at=None)
    ticked = tick(row.pk, after(13))
    assert (ticked.verdict, ticked.reason) == ("tick_skipped", "sent before")
    assert len(sent) == 1
    assert tick(row.pk, after(13)) is None


def test_a_tick_whose_message_cannot_be_written_leaves_nothing(sent, monkeypatch) -> None:
    row = entry()

    def fail(*_args: Any, **_options: Any) -> None:
        raise ValueError("too large")

    monkeypatch.setattr(app.tasks["gallery.io_wait"], "apply_async_on_commit", fail)
    ticked = tick(row.pk, after(12))
    assert (ticked.verdict, ticked.reason) == ("tick_refused", "too large")
    assert due_times() == []
    row.refresh_from_db()
    assert (row.total_run_count, row.last_run_at) == (0, None)
    assert due_at() == after(20)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"task": "gallery.io_wiat"}, "This release has no task 'gallery.io_wiat'. Correct the entry's task"),
        ({"args": "[1"}, "Its args are not JSON"),
        ({"args": '{"a": 1}'}, "where JSON of a list was expected"),
        ({"kwargs": "[]"}, "where JSON of an object was expected"),
        ({"args": "[]"}, "gallery.io_wait does not take these arguments: wait() missing 1 required"),
        ({"headers": "x"}, "Its headers are not JSON"),
        (
            {"args": '["k"]', "queue": "elsewhere"},
            "Its queue 'elsewhere' is not a declared one. Name one of",
        ),
        ({"args": '["k"]', "routing_key": "io"}, "a task goes to a queue by its name. Empty both"),
    ],
)
def test_an_entry_that_cannot_be_sent_says_what_to_correct_and_waits_for_its_next_due(fields, said) -> None:
    row = entry(**fields)
    ticked = tick(row.pk, after(12))
    assert ticked.verdict == "tick_refused"
    assert said in ticked.reason
    assert due_times() == []
    assert due_at() == after(20)


def test_an_edit_between_the_look_and_the_tick_is_kept_and_heeded(sent) -> None:
    """The original reads the row, counts, and writes the whole row back."""
    row = entry()
    PeriodicTask.objects.filter(pk=row.pk).update(args='["edited"]', description="edited")
    tick(row.pk, after(12))
    assert sent[0]["args"] == ["edited"]
    row.refresh_from_db()
    assert (row.args, row.description, row.total_run_count) == ('["edited"]', "edited", 1)


@pytest.mark.parametrize("change", [{"enabled": False}, None])
def test_an_entry_that_is_disabled_or_deleted_after_the_look_is_not_sent(sent, change) -> None:
    row = entry()
    rows = PeriodicTask.objects.filter(pk=row.pk)
    rows.update(**change) if change else rows.delete()
    assert tick(row.pk, after(12)) is None
    assert sent == []


def test_a_schedule_that_is_edited_begins_to_count_then(sent) -> None:
    row = entry(crontab=CrontabSchedule.objects.create(minute="0", hour="13"))
    PeriodicTask.objects.filter(pk=row.pk).update(
        crontab=CrontabSchedule.objects.create(minute="0", hour="11")
    )
    seen_at(row, after(60))
    assert due_at() == after(23 * 3600)
    assert sent == []


def test_an_entry_that_is_enabled_again_has_missed_nothing(sent) -> None:
    row = entry()
    PeriodicTask.objects.filter(pk=row.pk).update(enabled=False)
    assert not Clock.objects.exists()
    PeriodicTask.objects.filter(pk=row.pk).update(enabled=True)
    seen_at(row, after(1000))
    assert due_at() == after(1010)
    assert sent == []


def test_a_one_off_disables_itself_with_its_tick_and_may_be_enabled_again(sent) -> None:
    row = entry(one_off=True)
    assert tick(row.pk, after(12)).verdict == "tick_sent"
    row.refresh_from_db()
    assert (row.enabled, row.total_run_count) == (False, 0)
    assert tick(row.pk, after(100)) is None
    PeriodicTask.objects.filter(pk=row.pk).update(enabled=True)
    seen_at(row, after(100))
    assert tick(row.pk, after(111)).due_at == after(110)
    assert len(sent) == 2


def test_a_clocked_entry_runs_once_at_its_time_even_if_it_is_enabled_again(sent) -> None:
    clocked = ClockedSchedule.objects.create(clocked_time=after(-5))
    row = entry(clocked=clocked, one_off=True)
    # The tick that began to count has sent it as well.
    for _ in range(2):
        row.refresh_from_db()
        assert not row.enabled
        PeriodicTask.objects.filter(pk=row.pk).update(enabled=True)
        tick(row.pk, after(1))
    assert due_times() == [after(-5)]
    assert len(sent) == 1


def test_an_entry_past_its_last_day_is_disabled_and_not_sent(sent) -> None:
    row = entry(expires=after(11))
    assert due_at() == after(10)
    assert tick(row.pk, after(12)).verdict == "entry_ended"
    row.refresh_from_db()
    assert not row.enabled
    assert sent == []


def test_missed_ticks_follow_the_rule_of_the_entry(sent) -> None:
    once, skip = entry("once", 100), entry("skip", 100)
    Rule.objects.create(entry=skip, missed=Missed.SKIP, late_seconds=20)
    assert tick(once.pk, after(350)).verdict == "tick_sent"
    assert tick(skip.pk, after(350)).verdict == "tick_skipped"
    assert tick(skip.pk, after(405)).verdict == "tick_sent"
    assert (due_times("once"), due_times("skip")) == ([after(300)], [after(400)])


def test_a_missed_run_is_written_down_whatever_the_rule_and_a_late_one_is_not(sent) -> None:
    once, skip, late = entry("once", 100), entry("skip", 100), entry("late", 100)
    Rule.objects.create(entry=skip, missed=Missed.SKIP)
    for row, seconds in ((once, 350), (skip, 150), (late, 120)):
        tick(row.pk, after(seconds))
    missed = dict(Clock.objects.values_list("entry__name", "missed_at"))
    assert missed == {"once": after(350), "skip": after(150), "late": None}


def test_old_ticks_are_pruned_in_batches_but_not_the_newest_of_an_entry(monkeypatch) -> None:
    monkeypatch.setattr("switchyard.schedule.models.PRUNED_AT_ONCE", 2)
    day = timedelta(days=1)
    for name, days in [("a", (1, 8, 9, 10, 11)), ("b", (20, 21))]:
        for past in days:
            Tick.objects.create(entry=name, due_at=NOON - past * day, sent_at=NOON, task_id="0" * 32)
    begin, left = FIRST, []
    while begin := Tick.objects.prune(NOON, begin):
        left.append(Tick.objects.count())
    assert left == [6, 4, 2]
    assert due_times("a") == [NOON - day]
    assert due_times("b") == [NOON - 20 * day]
    assert 7 * day == KEPT


@pytest.mark.django_db(transaction=True)
def test_a_row_that_somebody_has_locked_makes_nobody_wait(sent) -> None:
    row = entry()
    with transaction.atomic():
        PeriodicTask.objects.select_for_update().get(pk=row.pk)
        assert in_thread(lambda: tick(row.pk, after(12))) is None
    assert tick(row.pk, after(12)).verdict == "tick_sent"


@pytest.mark.django_db(transaction=True)
def test_two_beats_at_the_same_moment_send_a_due_time_once(sent, monkeypatch) -> None:
    """Without the rows' locks, so that only the unique row is between them."""
    unlocked = rows_module._LOCK.replace("FOR NO KEY UPDATE SKIP LOCKED", "")
    assert unlocked != rows_module._LOCK
    row = entry()
    monkeypatch.setattr(rows_module, "_LOCK", unlocked)
    together, insert = threading.Barrier(2), tick_module.insert_ticks

    def meet(*arguments: Any) -> bool:
        together.wait(10)
        return insert(*arguments)

    monkeypatch.setattr(tick_module, "insert_ticks", meet)
    results: list[Any] = []
    threads = [
        threading.Thread(target=lambda: results.append(in_own_connection(lambda: tick(row.pk, after(12)))))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(result.verdict for result in results) == ["tick_sent", "tick_skipped"]
    assert due_times() == [after(10)]
    assert len(sent) == 1


@pytest.mark.django_db(transaction=True)
def test_postgresql_ends_a_tick_that_is_frozen_in_its_transaction(sent, monkeypatch) -> None:
    row = entry()
    monkeypatch.setattr(tick_module, "OPEN_AT_MOST", 200)
    frozen, released = threading.Event(), threading.Event()

    def freeze(*_args: Any, **_options: Any) -> None:
        frozen.set()
        released.wait(30)

    original = app.tasks["gallery.io_wait"].apply_async_on_commit
    monkeypatch.setattr(app.tasks["gallery.io_wait"], "apply_async_on_commit", freeze)
    failed: list[BaseException] = []

    def frozen_beat() -> None:
        try:
            in_own_connection(lambda: tick(row.pk, after(12)))
        except Exception as error:  # noqa: BLE001 - it is asserted below
            failed.append(error)

    thread = threading.Thread(target=frozen_beat)
    thread.start()
    assert frozen.wait(10)
    monkeypatch.setattr(app.tasks["gallery.io_wait"], "apply_async_on_commit", original)
    deadline = datetime.now(UTC) + timedelta(seconds=20)
    while (ticked := tick(row.pk, after(12))) is None:
        assert datetime.now(UTC) < deadline
    released.set()
    thread.join(30)
    assert ticked.verdict == "tick_sent"
    assert failed
    assert due_times() == [after(10)]
    assert len(sent) == 1


@pytest.mark.django_db(transaction=True)
def test_two_schedulers_see_the_same_entry_and_only_one_sends(sent, monkeypatch) -> None:
    entry()
    first, second = scheduler(), scheduler()
    for seconds in (11, 12, 21, 33):
        for beat in (first, second):
            monkeypatch.setattr(beat.lease, "now", lambda at=seconds: after(at))
            beat._send()
    assert due_times() == [after(10), after(20), after(30)]
    assert len(sent) == 3


@pytest.mark.django_db(transaction=True)
def test_a_mistaken_entry_is_said_once_and_the_others_are_sent(sent, monkeypatch, caplog) -> None:
    entry("a", task="gallery.io_wiat")
    entry("b", crontab=CrontabSchedule.objects.create(minute="99", hour="0"))
    entry("c")
    beat = scheduler()
    for seconds in (11, 21, 31):
        monkeypatch.setattr(beat.lease, "now", lambda at=seconds: after(at))
        while beat._send() == 0:
            pass
    assert due_times("c") == [after(10), after(20), after(30)]
    said = [record.msg for record in caplog.records if record.levelname == "ERROR"]
    assert [event["entry"] for event in said] == ["a", "b"]
    assert {event["event"] for event in said} == {"tick_refused"}
    assert "Invalid end range: 99 > 59. Correct the entry" in said[1]["reason"]
    assert "Correct the entry's task" in said[0]["reason"]


def scheduler() -> Scheduler:
    """One that looks, without the lease that would make it stand by."""
    return Scheduler(app=app, lazy=True)


def in_thread(work: Any) -> Any:
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(in_own_connection(work)))
    thread.start()
    thread.join(30)
    return results[0]


def in_own_connection(work: Any) -> Any:
    try:
        return work()
    finally:
        connection.close()
