"""Reads and writes the rows of the schedule: one statement, however many entries it is about."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection
from django.db.models import prefetch_related_objects
from django_celery_beat.models import PeriodicTask

from switchyard.schedule.models import Clock

#: An entry's schedule is in one of these.
SCHEDULES = ("interval", "crontab", "solar", "clocked")

#: The due time of an entry that was edited: before any other.
EDITED = datetime(1970, 1, 1, tzinfo=UTC)

_DUE = """
    (SELECT entry_id, due_at FROM switchyard_schedule_clock WHERE due_at = %(edited)s LIMIT %(most)s)
    UNION ALL
    (
        SELECT entry_id, due_at FROM switchyard_schedule_clock
        WHERE due_at > %(edited)s AND due_at BETWEEN %(since)s AND %(now)s ORDER BY due_at LIMIT %(most)s
    )
    ORDER BY due_at LIMIT %(most)s
"""
_AFTER = "SELECT entry_id FROM switchyard_schedule_clock WHERE entry_id > %s ORDER BY entry_id LIMIT %s"
# As the triggers do (migration 0003).
_STOP_CLOCKS = """
    DELETE FROM switchyard_schedule_clock AS clock USING django_celery_beat_periodictask AS entry
    WHERE entry.id = clock.entry_id AND NOT entry.enabled
"""
_START_CLOCKS = """
    INSERT INTO switchyard_schedule_clock (entry_id, schedule, counts_from, due_at)
    SELECT id, '', now(), 'epoch' FROM django_celery_beat_periodictask AS entry WHERE enabled
        AND NOT EXISTS (SELECT FROM switchyard_schedule_clock AS clock WHERE clock.entry_id = entry.id)
    ON CONFLICT (entry_id) DO NOTHING
"""
_NEXT = "SELECT min(due_at) FROM switchyard_schedule_clock WHERE due_at >= %s"
# Both rows, so that neither an edit nor another beat comes between the look and what is written. Who edits a
# schedule locks the clocks alone.
_LOCK = """
    SELECT entry.id FROM switchyard_schedule_clock AS clock
    JOIN django_celery_beat_periodictask AS entry ON entry.id = clock.entry_id
    WHERE entry.id = ANY(%s) AND entry.enabled
    ORDER BY entry.id FOR NO KEY UPDATE SKIP LOCKED
"""
_INSERT_TICKS = """
    INSERT INTO switchyard_schedule_tick (entry, due_at, sent_at, task_id)
    SELECT entry, due_at, now(), task_id
    FROM json_to_recordset(%s) AS row (entry text, due_at timestamptz, task_id uuid)
    ORDER BY entry ON CONFLICT (entry, due_at) DO NOTHING RETURNING entry
"""
_DELETE_TICKS = """
    DELETE FROM switchyard_schedule_tick AS tick
    USING json_to_recordset(%s) AS row (entry text, due_at timestamptz)
    WHERE (tick.entry, tick.due_at) = (row.entry, row.due_at)
"""
_MOVE_CLOCKS = """
    UPDATE switchyard_schedule_clock AS clock SET schedule = row.schedule, counts_from = row.counts_from,
        last_due_at = row.last_due_at, missed_at = row.missed_at, due_at = row.due_at
    FROM json_to_recordset(%s) AS row (id bigint, schedule text, counts_from timestamptz,
        last_due_at timestamptz, missed_at timestamptz, due_at timestamptz)
    WHERE clock.id = row.id
"""
_REFUSE = """
    INSERT INTO switchyard_schedule_refusal AS refusal (entry_id, reason, since, refused_at, times)
    SELECT entry_id, reason, %s, %s, 1 FROM json_to_recordset(%s) AS row (entry_id bigint, reason text)
    ON CONFLICT (entry_id) DO UPDATE SET reason = excluded.reason, refused_at = excluded.refused_at,
        since = CASE WHEN refusal.reason = excluded.reason THEN refusal.since ELSE excluded.since END,
        times = CASE WHEN refusal.reason = excluded.reason THEN refusal.times + 1 ELSE 1 END
"""
_FORGET_REFUSALS = "DELETE FROM switchyard_schedule_refusal WHERE entry_id = ANY(%s)"
_MOVED = ("id", "schedule", "counts_from", "last_due_at", "missed_at", "due_at")


def due_entries(since: datetime, now: datetime, most: int) -> list[tuple[int, datetime]]:
    """Keys and due times of the entries that were edited, then of those that are due from ``since`` on."""
    return _fetched(_DUE, {"edited": EDITED, "since": since, "now": now, "most": most})


def next_look(since: datetime) -> datetime | None:
    """When the next of all entries is to be looked at, from ``since`` on; None for never."""
    moment: datetime | None = _fetched(_NEXT, [since])[0][0]
    return moment


def entries_after(key: int, most: int) -> list[int]:
    """Keys of the enabled entries that come after that key."""
    return [found for (found,) in _fetched(_AFTER, [key, most])]


def match_clocks() -> None:
    """Have each enabled entry a clock, and no other, whatever the triggers have seen."""
    _execute(_STOP_CLOCKS, [])
    _execute(_START_CLOCKS, [])


def locked_entries(keys: Sequence[int]) -> list[PeriodicTask]:
    """Those that are enabled and that nobody else has locked, with all that decides when they are due.

    Read after the lock: an edit of a schedule before it is seen, and one after it marks the clock again.
    Of thousands of entries most have the same few schedules, so each of these is read once.
    """
    locked = [key for (key,) in _fetched(_LOCK, [list(keys)])]
    entries = list(PeriodicTask.objects.filter(pk__in=locked).select_related("rule", "clock").order_by("pk"))
    used = [kind for kind in SCHEDULES if any(getattr(entry, f"{kind}_id") for entry in entries)]
    prefetch_related_objects(entries, *used)
    return entries


def insert_ticks(ticks: Sequence[Mapping[str, Any]]) -> set[str]:
    """Rows of ``entry``, ``due_at`` and ``task_id``. Returns the names of the entries whose row was new."""
    return {entry for (entry,) in _fetched(_INSERT_TICKS, [_json(ticks)])} if ticks else set()


def delete_ticks(ticks: Sequence[Mapping[str, Any]]) -> None:
    if ticks:
        _execute(_DELETE_TICKS, [_json(ticks)])


def moved(clock: Clock) -> dict[str, Any]:
    """What ``move_clocks`` writes of it."""
    return {name: getattr(clock, name) for name in _MOVED}


def move_clocks(clocks: Sequence[Clock]) -> None:
    if clocks:
        _execute(_MOVE_CLOCKS, [_json(map(moved, clocks))])


def note_refusals(reasons: Mapping[int, str], now: datetime) -> None:
    """By the key of each entry that was due and could not be sent."""
    rows = [{"entry_id": key, "reason": reason} for key, reason in reasons.items()]
    if rows:
        _execute(_REFUSE, [now, now, _json(rows)])


def forget_refusals(keys: Sequence[int]) -> None:
    """Of entries that are sent."""
    if keys:
        _execute(_FORGET_REFUSALS, [list(keys)])


def put_off(key: int, seconds: float, now: datetime, reason: str) -> None:
    """Leave an entry that cannot be attended to for so long, so that it is not in the others' way."""
    until = now + timedelta(seconds=seconds)
    Clock.objects.filter(entry=key).update(due_at=until, missed_at=now)
    note_refusals({key: reason}, now)


def _json(rows: Iterable[Mapping[str, Any]]) -> str:
    return json.dumps(list(rows), cls=_Exact)


class _Exact(DjangoJSONEncoder):
    """Django's cuts a moment down to milliseconds."""

    def default(self, value: Any) -> Any:
        return value.isoformat() if isinstance(value, datetime) else super().default(value)


def _execute(statement: str, parameters: list[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def _fetched(statement: str, parameters: list[Any] | dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found
