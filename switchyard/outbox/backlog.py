"""Counts what is in the outbox, by queries that stay cheap however much it is."""

from dataclasses import dataclass

from django.db import connection

# A loose index scan: one step of the index for each queue, whatever the number of its rows.
_QUEUES = """
    WITH RECURSIVE waiting (queue) AS (
        (SELECT queue FROM switchyard_outbox WHERE quarantined_at IS NULL ORDER BY queue LIMIT 1)
        UNION ALL
        SELECT (
            SELECT queue FROM switchyard_outbox
            WHERE quarantined_at IS NULL AND queue > waiting.queue ORDER BY queue LIMIT 1
        )
        FROM waiting WHERE waiting.queue IS NOT NULL
    )
    SELECT queue FROM waiting WHERE queue IS NOT NULL
"""
_COUNTS = """
    SELECT queue, count(*), extract(epoch FROM clock_timestamp() - (
        SELECT created_at FROM switchyard_outbox AS oldest
        WHERE oldest.quarantined_at IS NULL AND oldest.queue = counted.queue ORDER BY id LIMIT 1
    ))
    FROM switchyard_outbox AS counted WHERE quarantined_at IS NULL GROUP BY queue ORDER BY queue
"""
_QUARANTINED = "SELECT count(*) FROM switchyard_outbox WHERE quarantined_at IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Backlog:
    """Of one queue: messages that wait for the relay, and seconds since the oldest was accepted."""

    queue: str
    waiting: int
    oldest_seconds: float


def waiting_queues() -> list[str]:
    """The queues that a message waits for."""
    with connection.cursor() as cursor:
        cursor.execute(_QUEUES)
        return [queue for (queue,) in cursor.fetchall()]


def backlogs() -> list[Backlog]:
    """Of each queue that a message waits for."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS)
        return [Backlog(queue, count, max(0.0, float(age))) for queue, count, age in cursor.fetchall()]


def quarantined_count() -> int:
    with connection.cursor() as cursor:
        cursor.execute(_QUARANTINED)
        (count,) = cursor.fetchone()
    return int(count)
