"""Keeps which parts of a chord have ended, at a cost that does not grow with their number.

Each part that ends is one row and adds one to its chord, in one statement that locks the chord for no longer
than itself. The part that makes the number full is told so, and reads the rows, once. A part that runs twice
(a lost worker, a replayed dead letter) is the same row, and is told the same again: whoever died before the
body was sent is followed by somebody who sends it.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import structlog
from celery import states
from celery.result import GroupResult
from django.db import connection, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django_celery_results.models import ChordCounter, TaskResult  # type: ignore[attr-defined]

from switchyard.database import delete_in_batches
from switchyard.tasks.models import Chord, ChordPart

# What succeeded has succeeded; what failed may be replayed while the others still run. `first` is whether the
# row is new: PostgreSQL marks one that it updates with the transaction that does. The last SELECT is for a
# part that has been counted before.
_PART_ENDED = """
    WITH part AS (
        INSERT INTO switchyard_chord_part (group_id, task_id, state, result)
        SELECT group_id, %(task_id)s, %(state)s, %(result)s FROM switchyard_chord
        WHERE group_id = %(group_id)s
        ON CONFLICT (group_id, task_id) DO UPDATE SET state = excluded.state, result = excluded.result
        WHERE switchyard_chord_part.state <> 'SUCCESS'
        RETURNING xmax = 0 AS first
    ), counted AS (
        UPDATE switchyard_chord SET ended = ended + 1, touched_at = clock_timestamp()
        WHERE group_id = %(group_id)s AND EXISTS (SELECT FROM part WHERE first)
        RETURNING ended >= parts AS complete
    )
    SELECT complete FROM counted
    UNION ALL
    SELECT ended >= parts FROM switchyard_chord
    WHERE group_id = %(group_id)s AND NOT EXISTS (SELECT FROM part WHERE first)
"""

log = structlog.get_logger("switchyard.tasks")


def begin(group_id: str, results: Sequence[Any], parts: int) -> None:
    """Note a chord whose parts are about to be sent. Of a call that is made again, the first counts."""
    header = json.dumps([_ids(result) for result in results])
    Chord.objects.bulk_create([Chord(group_id=group_id, header=header, parts=parts)], ignore_conflicts=True)


def part_ended(group_id: str, task_id: str, state: str, result: str) -> bool | None:
    """Whether all parts have ended with this one. None if there is no such chord, or not any more."""
    values = {"group_id": group_id, "task_id": task_id, "state": state, "result": result}
    with connection.cursor() as cursor:
        cursor.execute(_PART_ENDED, values)
        row = cursor.fetchone()
    return None if row is None else row[0]


def locked(group_id: str) -> Chord | None:
    """The chord, for the length of the transaction: two that were told the same send one body."""
    return Chord.objects.select_for_update().filter(group_id=group_id).first()


def forget(chord: Chord) -> None:
    """Delete the chord and its parts, in the transaction in which its body was sent."""
    ChordPart.objects.filter(group_id=chord.group_id).delete()
    chord.delete()


def over(group_ids: Collection[str]) -> set[str]:
    """Which of these have had their body sent, or have failed for good: a part of one changes nothing."""
    known = set(Chord.objects.filter(group_id__in=group_ids).values_list("group_id", flat=True))
    older = ChordCounter.objects.filter(group_id__in=group_ids).values_list("group_id", flat=True)
    return set(group_ids) - known - set(older)


class Header:
    """What the parts of a chord have returned, in the order and shape in which it was called."""

    def __init__(self, chord: Chord) -> None:
        self._shape = json.loads(chord.header)
        rows = ChordPart.objects.filter(group_id=chord.group_id)
        self._rows = {row[0]: row[1:] for row in rows.values_list("task_id", "state", "result")}

    @property
    def failed(self) -> tuple[str, str] | None:
        """Task id and error of the first part that failed, or that nothing is known of."""
        for task_id in _flat(self._shape):
            state, result = self._rows.get(task_id, (None, "null"))
            if state != states.SUCCESS:
                return task_id, result
        return None

    def joined(self, decode: Any) -> list[Any]:
        """Each part's value, parsed once."""
        values = {task_id: decode(result) for task_id, (_, result) in self._rows.items()}
        return [_filled(each, values) for each in self._shape]


@transaction.atomic
def adopted(app: Any, group_id: str) -> bool:
    """Whether all parts have ended of a chord that was sent by a release without these tables.

    It is one of ours from then on. That release counted the results that were kept, and so does this.
    """
    older = ChordCounter.objects.select_for_update().filter(group_id=group_id).first()
    if older is None:
        return False
    parts = older.group_result(app=app).results
    kept = TaskResult.objects.filter(task_id__in=[part.id for part in parts], status__in=states.READY_STATES)
    ended = kept.values_list("task_id", "status", "result")
    if len(ended) < len(parts):
        return False
    begin(group_id, parts, len(parts))
    for each in ended:
        part_ended(group_id, *each)
    older.delete()
    return True


def purge(older_than: timedelta) -> None:
    """Delete chords of which no part has ended for so long, and say which; and parts without a chord."""
    for chord in Chord.objects.filter(touched_at__lt=timezone.now() - older_than):
        log.warning("chord_expired", group_id=chord.group_id, ended=chord.ended, parts=chord.parts)
        chord.delete()
    whole = Chord.objects.filter(group_id=OuterRef("group_id"))
    delete_in_batches(ChordPart.objects.filter(~Exists(whole)))


def _ids(result: Any) -> Any:
    return [_ids(each) for each in result] if isinstance(result, GroupResult) else result.id


def _flat(shape: Any) -> Iterator[str]:
    if isinstance(shape, str):
        yield shape
    else:
        for each in shape:
            yield from _flat(each)


def _filled(shape: Any, values: Mapping[str, Any]) -> Any:
    return values[shape] if isinstance(shape, str) else [_filled(each, values) for each in shape]
