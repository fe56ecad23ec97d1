"""Measures beat by the database: who holds the lease, when it last looked, and what should have run."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import Error, connection
from django_celery_beat.models import PeriodicTask
from prometheus_client.metrics_core import Metric

from switchyard.metric import gauge
from switchyard.schedule.lease import LOCK
from switchyard.schedule.models import Clock
from switchyard.schedule.tick import due_at, entries

MISSED_WITHIN = timedelta(days=1)

# The holder asks for its lock at each look, so its last query is its last look.
_HOLDERS = """
    SELECT count(*), extract(epoch FROM clock_timestamp() - max(state_change))::float
    FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE (locktype, classid, objid, objsubid) = ('advisory', 0, %s, 1) AND granted
        AND datname = current_database()
"""
_NEWEST = """
    SELECT clock_timestamp(), extract(epoch FROM clock_timestamp() - max(sent_at))::float
    FROM switchyard_schedule_tick
"""


@dataclass(frozen=True, slots=True)
class Beat:
    """Seconds; None where there is none."""

    #: Sessions that hold the lease: 0 or 1.
    holders: int
    #: Since the holder last looked what is due.
    tick_age: float | None
    #: Since an entry was last sent.
    sent_age: float | None
    #: How long the entry that is latest should have been sent by now.
    overdue: float
    #: Entries with a run that was missed within a day.
    missed: int


def read_beat() -> Beat:
    """Raises django.db.Error."""
    with connection.cursor() as cursor:
        cursor.execute(_HOLDERS, [LOCK])
        holders, tick_age = cursor.fetchone()
        cursor.execute(_NEWEST)
        now, sent_age = cursor.fetchone()
    missed = Clock.objects.filter(missed_at__gt=now - MISSED_WITHIN).count()
    return Beat(holders, tick_age, sent_age, _overdue_seconds(now), missed)


def beat_metrics(beat: Beat) -> Iterator[Metric]:
    yield gauge("beat_lease_held", "Whether a beat holds the lease.", beat.holders > 0)
    yield gauge("beat_holders", "Sessions that hold the lease.", beat.holders)
    yield gauge("beat_last_tick_age_seconds", "Since beat last looked what is due.", beat.tick_age)
    yield gauge("beat_last_sent_age_seconds", "Since an entry was last sent.", beat.sent_age)
    yield gauge("beat_overdue_seconds", "How late the latest entry is.", beat.overdue)
    yield gauge("beat_missed_runs", "Entries that missed a run within a day.", beat.missed)


def _overdue_seconds(now: datetime) -> float:
    due = (_due(entry, now) for entry in entries())
    return max([0.0, *((now - moment).total_seconds() for moment in due if moment)])


def _due(entry: PeriodicTask, now: datetime) -> datetime | None:
    """None for an entry that beat cannot read either; it says so itself."""
    try:
        return due_at(entry, now)
    except Error:
        raise
    except Exception:  # noqa: BLE001 - what a schedule may raise, only django-celery-beat knows
        return None
