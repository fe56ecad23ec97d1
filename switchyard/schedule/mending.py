"""Mends what the schedule was told by a clock that was wrong.

The database's clock was set ahead for a while, the data came to a host whose clock is slower, or somebody
wrote a row by hand: what beat believes to have dealt with lies in the future, and nothing would be sent until
then. No due time is dealt with before it has come, so such rows are known by that alone.

The entry goes on after the last due time that was sent and has come. One that was sent and has not is sent
again when it comes, if this host's clock says as well that the database's is right now; else it may be now
that it is wrong, and what was sent is not to be sent a second time.
"""

from datetime import UTC, datetime, timedelta

import structlog
from django.db import connection, transaction

from switchyard.clock import TOLERANCE_SECONDS

#: Names of entries that the log holds.
MOST_NAMES = 10
#: The newest ticks, of which some may have been sent at a moment that has not come.
NEWEST = 10_000

_FORGET = "DELETE FROM switchyard_schedule_tick WHERE due_at > %(limit)s"
_SENT_NOW = """
    UPDATE switchyard_schedule_tick SET sent_at = %(now)s
    WHERE sent_at > %(limit)s AND id > (SELECT max(id) - %(newest)s FROM switchyard_schedule_tick)
"""
_RAN_NOW = "UPDATE django_celery_beat_periodictask SET last_run_at = %(now)s WHERE last_run_at > %(limit)s"
# Where no tick is left to go on from, from now on: what it is not known to have sent might be sent twice.
_GO_ON = """
    UPDATE switchyard_schedule_clock AS clock SET
        counts_from = least(counts_from, %(now)s),
        edited_at = least(edited_at, %(now)s),
        last_due_at = CASE WHEN last_due_at > %(limit)s THEN coalesce((
            SELECT greatest(max(due_at), least(clock.counts_from, %(now)s))
            FROM switchyard_schedule_tick AS tick
            WHERE tick.entry = entry.name AND tick.due_at <= %(limit)s HAVING max(due_at) IS NOT NULL
        ), %(now)s) ELSE last_due_at END,
        missed_at = %(now)s,
        due_at = 'epoch'
    FROM django_celery_beat_periodictask AS entry
    WHERE entry.id = clock.entry_id AND greatest(counts_from, edited_at, last_due_at, missed_at) > %(limit)s
    RETURNING entry.name
"""

log = structlog.get_logger("switchyard.schedule")


@transaction.atomic
def mend(now: datetime) -> int:
    """Say and correct what lies in the future. Returns how many entries it was. Raises django.db.Error."""
    tolerance = timedelta(seconds=TOLERANCE_SECONDS)
    limit = now + tolerance
    agreed = abs(now - datetime.now(UTC)) <= tolerance
    parameters: dict[str, datetime | int] = {"now": now, "limit": limit, "newest": NEWEST}
    with connection.cursor() as cursor:
        for statement in (*([_FORGET] if agreed else []), _SENT_NOW, _RAN_NOW):
            cursor.execute(statement, parameters)
        cursor.execute(_GO_ON, parameters)
        names = sorted(name for (name,) in cursor.fetchall())
    if names:
        log.error("clock_was_wrong", entries=len(names), first=names[:MOST_NAMES], now=now.isoformat())
    return len(names)
