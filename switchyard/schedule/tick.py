"""Sends an entry for a due time, in one transaction that also says so."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from celery import Celery
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now
from django_celery_beat.models import PeriodicTask

from switchyard.schedule.call import call_of, task_id_of
from switchyard.schedule.due import counted_by, due_now, next_due
from switchyard.schedule.models import Clock, Rule

#: Milliseconds after which PostgreSQL ends what a tick left open. A beat that was frozen in the middle of a
#: transaction would hold the entry's row until it wakes up.
OPEN_AT_MOST = 5000


@dataclass(frozen=True)
class Ticked:
    """What became of a due time. ``event`` is the name under which it is logged."""

    event: str
    entry: str
    task: str
    due_at: datetime
    late_seconds: float
    reason: str = ""


def entries() -> QuerySet[PeriodicTask]:
    """The enabled rows of the schedule, with all that decides when they are due."""
    parts = ("interval", "crontab", "solar", "clocked", "rule", "clock")
    enabled: QuerySet[PeriodicTask] = PeriodicTask.objects.filter(enabled=True)
    return enabled.select_related(*parts).order_by("pk")


def due_at(entry: PeriodicTask, now: datetime) -> datetime | None:
    """When ``tick`` should be called for the entry, by this copy of its row; None for never."""
    clock = _clock(entry)
    if clock is None or _is_over(entry, now):
        return now
    return next_due(entry, clock)


@transaction.atomic
def tick(key: int, now: datetime, app: Celery) -> Ticked | None:
    """Deal with one due time of the entry, by its row as it is now; None when nothing was due after all.

    Exactly once: the row is locked, (entry, due time) is unique, and the message is written by the same
    transaction. Only columns of beat's own are updated, so an edit in the admin is never undone. A row that
    somebody else has locked is left to the next look.
    """
    _bound_waits()
    locked = entries().select_for_update(of=("self",), no_key=True, skip_locked=True)
    entry = locked.filter(pk=key).first()
    if entry is None:
        return None
    if _is_over(entry, now):
        _disable(entry)
        return None
    clock = _clock(entry) or _started_clock(entry, now)
    found = due_now(entry, clock, _rule(entry), now)
    if found is None:
        return None
    due, wanted = found
    event, reason = _send(entry, due, app) if wanted else ("tick_skipped", "missed")
    missed = {"missed_at": now} if is_missed(entry, clock, now) else {}
    Clock.objects.filter(pk=clock.pk).update(last_due_at=due, **missed)
    late = round((now - due).total_seconds(), 3)
    return Ticked(event, entry.name, entry.task, due, late, reason)


def is_missed(entry: PeriodicTask, clock: Clock, now: datetime) -> bool:
    """Whether the entry has a due time that was not dealt with, and is later than its rule allows."""
    due = next_due(entry, clock)
    return due is not None and (now - due).total_seconds() > _rule(entry).late_seconds


def forget_disabled() -> None:
    """An entry that is enabled again starts to count then: what was due in between was not missed."""
    Clock.objects.filter(entry__enabled=False).delete()


def _bound_waits() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('idle_in_transaction_session_timeout', %(most)s, true),"
            " set_config('statement_timeout', %(most)s, true), set_config('lock_timeout', %(most)s, true)",
            {"most": str(OPEN_AT_MOST)},
        )


def _is_over(entry: PeriodicTask, now: datetime) -> bool:
    """Past its last day, or a one-off that ran under another scheduler, which left it to the next look."""
    return bool((entry.expires and now >= entry.expires) or (entry.one_off and entry.total_run_count))


def _disable(entry: PeriodicTask) -> None:
    PeriodicTask.objects.filter(pk=entry.pk).update(enabled=False, total_run_count=0)


def _clock(entry: PeriodicTask) -> Clock | None:
    """The entry's clock, unless it counts by another schedule than the entry has now."""
    clock: Clock | None = getattr(entry, "clock", None)
    return clock if clock and clock.schedule == counted_by(entry) else None


def _started_clock(entry: PeriodicTask, now: datetime) -> Clock:
    """Counting from now: neither a new entry nor a new schedule has missed anything."""
    values = {"schedule": counted_by(entry), "counts_from": now, "last_due_at": None}
    return Clock.objects.update_or_create(entry=entry, defaults=values)[0]


def _rule(entry: PeriodicTask) -> Rule:
    return getattr(entry, "rule", None) or Rule(entry=entry)


def _send(entry: PeriodicTask, due: datetime, app: Celery) -> tuple[str, str]:
    """What became of it: event and reason. What cannot be sent is refused and waits for the next due time."""
    try:
        with transaction.atomic():
            return _sent(entry, due, app)
    except (DatabaseError, InterfaceError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever is wrong with this entry, the others go on
        return "tick_refused", str(error)


def _sent(entry: PeriodicTask, due: datetime, app: Celery) -> tuple[str, str]:
    """A due time with a row was sent before: by another beat, or before a clocked entry was enabled again."""
    call = call_of(entry, app)
    task_id = task_id_of(entry, due)
    if not _insert(entry.name, due, task_id):
        if entry.one_off:
            _disable(entry)
        return "tick_skipped", "sent before"
    call.task.apply_async_on_commit(call.args, call.kwargs, task_id=str(task_id), **call.options)
    over = {"enabled": False, "total_run_count": 0}
    counted = over if entry.one_off else {"total_run_count": F("total_run_count") + 1}
    PeriodicTask.objects.filter(pk=entry.pk).update(last_run_at=Now(), **counted)
    return "tick_sent", ""


def _insert(entry: str, due: datetime, task_id: UUID) -> bool:
    """Whether the row was new."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO switchyard_schedule_tick (entry, due_at, sent_at, task_id)"
            " VALUES (%s, %s, now(), %s) ON CONFLICT (entry, due_at) DO NOTHING",
            [entry, due, task_id],
        )
        return bool(cursor.rowcount)
