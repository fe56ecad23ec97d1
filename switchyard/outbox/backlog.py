"""Counts what is in the outbox, by queries that cost the same however much it is."""

import json
from dataclasses import dataclass

from django.db import connection, transaction

from switchyard.outbox.position import IN_ORDER, first_waiting, in_order_of_the_index, positions

#: Up to so many messages of a queue are counted; of more the number is an estimate.
COUNTED = 10_000

_COUNTS = """
    SELECT first.queue, first.id, counted.number,
        extract(epoch FROM clock_timestamp() - (
            SELECT created_at FROM switchyard_outbox AS oldest WHERE oldest.id = first.id
        )),
        (
            SELECT id FROM switchyard_outbox
            WHERE quarantined_at IS NULL
                AND (queue, id) >= (first.queue, first.id) AND queue <= first.queue
            ORDER BY queue DESC, id DESC LIMIT 1
        )
    FROM json_to_recordset(%s) AS first (queue text, id bigint), LATERAL (
        SELECT count(*) AS number FROM (
            SELECT FROM switchyard_outbox
            WHERE quarantined_at IS NULL
                AND (queue, id) >= (first.queue, first.id) AND queue <= first.queue
            ORDER BY queue, id LIMIT %s
        ) AS few
    ) AS counted
    ORDER BY first.queue
"""
# The numbers from the first to the last are cut into a hundred parts, and of each part a few in a row are
# looked at, anywhere in it: other queues' rows, rolled back ones and bursts are in it by their share.
_SAMPLED = """
    SELECT sum(seen.number) FROM generate_series(0, 99) AS part, LATERAL (
        SELECT %(first)s + floor(%(step)s::float * part + random() * (%(step)s - %(width)s))::bigint AS start
    ) AS place, LATERAL (
        SELECT count(*) AS number FROM (
            SELECT FROM switchyard_outbox
            WHERE quarantined_at IS NULL
                AND (queue, id) >= (%(queue)s, start) AND (queue, id) < (%(queue)s, start + %(width)s)
            ORDER BY queue, id LIMIT %(width)s
        ) AS few
    ) AS seen
"""
_QUARANTINED = "SELECT count(*) FROM switchyard_outbox WHERE quarantined_at IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Backlog:
    """Of one queue: messages that wait for the relay, and seconds since the oldest was accepted."""

    queue: str
    waiting: int
    oldest_seconds: float
    #: Whether there are more than COUNTED, so that ``waiting`` is about right.
    estimated: bool = False


@transaction.atomic
def backlogs() -> list[Backlog]:
    """Of each queue that a message waits for."""
    in_order_of_the_index()
    first = [{"queue": queue, "id": number} for queue, number in first_waiting(positions()).items()]
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, [json.dumps(first), COUNTED + 1])
        found = cursor.fetchall()
    # A row that was sent in between has no age any more.
    return [
        _backlog(queue, count, float(age), (number, last))
        for queue, number, count, age, last in found
        if age is not None and count
    ]


@transaction.atomic
def quarantined_count() -> int:
    with connection.cursor() as cursor:
        # Of a table that was empty when it was last analyzed PostgreSQL believes that most are in quarantine.
        cursor.execute(f"{IN_ORDER}, set_config('enable_seqscan', 'off', true)")
        cursor.execute(_QUARANTINED)
        (count,) = cursor.fetchone()
    return int(count)


def _backlog(queue: str, count: int, age: float, span: tuple[int, int]) -> Backlog:
    if count <= COUNTED:
        return Backlog(queue, count, max(0.0, age))
    return Backlog(queue, max(count, _estimate(queue, *span)), max(0.0, age), estimated=True)


def _estimate(queue: str, first: int, last: int) -> int:
    """To three digits, as the rest would be chance."""
    step = (last - first + 1) / 100
    width = max(1, int(min(step, COUNTED / 100)))
    with connection.cursor() as cursor:
        cursor.execute(_SAMPLED, {"queue": queue, "first": first, "step": step, "width": width})
        (seen,) = cursor.fetchone()
    return int(float(f"{float(seen) * step / width:.3g}"))
