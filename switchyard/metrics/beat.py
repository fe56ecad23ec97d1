"""Measures beat by the database: who holds the lease, when it last looked, and what should have run.

No entry is read: what a look costs does not grow with the schedule.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection
from prometheus_client.metrics_core import Metric

from switchyard.clock import age
from switchyard.installation import BEAT, LOCKED, lock
from switchyard.metric import gauge

MISSED_WITHIN = timedelta(days=1)

# The holder asks for its lock at each look, so its last query is its last look.
_HOLDERS = f"""
    SELECT count(*), extract(epoch FROM clock_timestamp() - max(state_change))::float
    FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE {LOCKED} AND datname = current_database()
"""  # noqa: S608 - a constant of ours
_NEWEST = """
    SELECT extract(epoch FROM clock_timestamp() - sent_at)::float
    FROM switchyard_schedule_tick ORDER BY id DESC LIMIT 1
"""
# An entry that beat has not looked at since an edit is overdue since the edit.
_OVERDUE = """
    SELECT coalesce(extract(epoch FROM max(clock_timestamp() - greatest(due_at, edited_at))), 0)::float
    FROM switchyard_schedule_clock WHERE due_at <= clock_timestamp()
"""
_MISSED = """
    SELECT count(*) FROM switchyard_schedule_clock
    WHERE missed_at > clock_timestamp() - make_interval(secs => %s)
"""
# Of enabled entries, and not of one that was edited since.
_REFUSED = """
    SELECT count(*) FROM switchyard_schedule_refusal AS refusal
    JOIN switchyard_schedule_clock AS clock USING (entry_id) WHERE refused_at >= edited_at
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
    #: Entries that could not be sent when they were last due.
    refused: int


def read_beat() -> Beat:
    """Raises django.db.Error."""
    with connection.cursor() as cursor:
        cursor.execute(_HOLDERS, lock(BEAT))
        holders, tick_age = cursor.fetchone()
        cursor.execute(_NEWEST)
        sent_age = (cursor.fetchone() or [None])[0]
        cursor.execute(_OVERDUE)
        overdue = cursor.fetchone()[0]
        cursor.execute(_MISSED, [MISSED_WITHIN.total_seconds()])
        missed = cursor.fetchone()[0]
        cursor.execute(_REFUSED)
        refused = cursor.fetchone()[0]
    return Beat(holders, tick_age, sent_age, max(0.0, overdue), missed, refused)


def beat_metrics(beat: Beat | None) -> Iterator[Metric]:
    if beat is None:
        return
    yield gauge("beat_lease_held", "Whether a beat holds the lease.", beat.holders > 0)
    yield gauge("beat_holders", "Sessions that hold the lease.", beat.holders)
    yield gauge("beat_last_tick_age_seconds", "Since beat last looked what is due.", age(beat.tick_age))
    yield gauge("beat_last_sent_age_seconds", "Since an entry was last sent.", age(beat.sent_age))
    yield gauge("beat_overdue_seconds", "How late the latest entry is.", beat.overdue)
    yield gauge("beat_missed_runs", "Entries that missed a run within a day.", beat.missed)
    yield gauge("beat_refused_entries", "Entries that beat cannot send as they are.", beat.refused)
