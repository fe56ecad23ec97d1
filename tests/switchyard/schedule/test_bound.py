"""Due times that are gone, and kept for a long transaction, are not read again; nothing is passed by."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from app.celery import app
from switchyard.schedule import scheduler as scheduler_module
from switchyard.schedule.models import Clock, Rule, Tick
from switchyard.schedule.rows import EDITED
from switchyard.schedule.scheduler import Scheduler
from tests.blocks import grown_by
from tests.switchyard.relay.instant import open_transaction, session

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
GONE = 10_000
# As so many ticks would have, without what each would take.
_LEAVE = """
    SET LOCAL session_replication_role = replica;
    INSERT INTO switchyard_schedule_clock (entry_id, schedule, counts_from, due_at)
        SELECT 1000000 + number, '', %(noon)s, %(noon)s + number * interval '0.5 ms'
        FROM generate_series(1, %(gone)s) AS number;
    DELETE FROM switchyard_schedule_clock WHERE entry_id > 1000000
"""
_READ = """
    SELECT sum(pg_stat_get_xact_tuples_returned(indexrelid))::int FROM pg_index
    WHERE indrelid = 'switchyard_schedule_clock'::regclass
"""


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def entry(name: str, every: int = 10, **fields: object) -> PeriodicTask:
    """That counts from NOON on."""
    interval, _ = IntervalSchedule.objects.get_or_create(every=every, period="seconds")
    made = PeriodicTask.objects.create(
        name=name, task="gallery.io_wait", args='["key"]', interval=interval, **fields
    )
    Rule.objects.create(entry=made, late_seconds=3600)
    Clock.objects.filter(entry=made).update(edited_at=NOON)
    return made


def leave_due_times_behind() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_LEAVE, {"noon": NOON, "gone": GONE})


def sent(name: str) -> list[float]:
    due = Tick.objects.filter(entry=name).order_by("due_at").values_list("due_at", flat=True)
    return [(each - NOON).total_seconds() for each in due]


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets a beat look so many seconds after NOON; without the review, which would find in the end what the
    bound had passed by."""
    scheduler = Scheduler(app=app, lazy=True)
    monkeypatch.setattr(scheduler._review, "page", lambda _now: [])

    def send(seconds: float) -> None:
        monkeypatch.setattr(scheduler.lease, "now", lambda: after(seconds))
        while scheduler._send() == 0:
            pass

    return send


def test_a_look_reads_as_much_beside_thousands_of_due_times_that_are_gone_as_alone(look, monkeypatch) -> None:
    # PostgreSQL counts for each transaction: each look is in one.
    monkeypatch.setattr(scheduler_module, "close_old_connections", lambda: None)
    entry("tick")
    look(5)
    alone = grown_by(lambda: look(6), _READ)
    with open_transaction():
        leave_due_times_behind()
        look(12)
        assert sent("tick") == [10]
        assert grown_by(lambda: look(13), _READ) == alone
        assert grown_by(lambda: Clock.objects.filter(due_at__lte=after(13)).first(), _READ) >= GONE


def test_an_edit_that_is_committed_late_has_each_of_its_due_times_sent(look) -> None:
    entry("tick")
    with session() as slow:
        key = entry("late", enabled=False).pk
        slow.execute("UPDATE django_celery_beat_periodictask SET enabled = true WHERE id = %s", [key])
        slow.execute("UPDATE switchyard_schedule_clock SET edited_at = %s WHERE entry_id = %s", [NOON, key])
        look(35)
        assert (sent("tick"), sent("late")) == ([10, 20, 30], [])
        slow.commit()
    look(36)
    assert sent("late") == [10, 20, 30]


def test_what_is_due_waits_for_no_longer_than_a_batch_of_edits_before_it(look, monkeypatch) -> None:
    entry("tick")
    look(5)
    monkeypatch.setattr(scheduler_module, "BATCH", 2)
    for number in range(5):
        entry(f"edited {number}", every=3600)
    look(12)
    assert sent("tick") == [10]
    assert not Clock.objects.filter(due_at=EDITED).exists()


def test_an_entry_that_somebody_has_locked_is_sent_when_he_is_gone(look, monkeypatch) -> None:
    monkeypatch.setattr(scheduler_module, "LOCKED_SECONDS", 0.01)
    locked = entry("locked", every=10)
    entry("tick", every=3)
    look(1)
    with session() as other:
        other.execute("SELECT FROM switchyard_schedule_clock WHERE entry_id = %s FOR UPDATE", [locked.pk])
        look(15)
        look(18)
        assert (sent("tick"), sent("locked")) == ([3, 6, 9, 12, 15, 18], [])
        other.rollback()
    look(19)
    assert sent("locked") == [10]
