"""Finds the first message that waits for each queue, without reading what has been sent before it.

A transaction that stays open (a dump, a report, a forgotten BEGIN) keeps every row that was deleted since it
began. They are in the index in front of the first that waits, and PostgreSQL looks at each of them again at
every query that begins at the index's beginning.
"""

import json
from collections.abc import Mapping
from typing import Any

from django.db import connection

from switchyard.routing import QUEUES

# Of each queue that is known the first row behind its position, and of the queues between two of them the
# first row of all: one step of the index each. The name '' comes before every queue's. Rows are compared
# whole because only the index that is meant has their order: PostgreSQL then takes no other, whatever its
# statistics say of a table that is empty most of the time.
_FIRST = """
    WITH known AS (
        SELECT queue, id, lead(queue) OVER (ORDER BY queue) AS following
        FROM json_to_recordset(%s) AS row (queue text, id bigint)
    )
    SELECT first.queue, first.id
    FROM known, LATERAL (
        (
            SELECT queue, id FROM switchyard_outbox AS own
            WHERE quarantined_at IS NULL
                AND (own.queue, own.id) > (known.queue, known.id) AND own.queue <= known.queue
            ORDER BY own.queue, own.id LIMIT 1
        )
        UNION ALL
        (
            SELECT queue, id FROM switchyard_outbox AS other
            WHERE quarantined_at IS NULL AND other.queue > known.queue AND other.queue < known.following
            ORDER BY other.queue, other.id LIMIT 1
        )
        UNION ALL
        (
            SELECT queue, id FROM switchyard_outbox AS other
            WHERE quarantined_at IS NULL AND other.queue > known.queue AND known.following IS NULL
            ORDER BY other.queue, other.id LIMIT 1
        )
    ) AS first
"""
_WRITE = """
    INSERT INTO switchyard_outbox_position AS kept (queue, sent_up_to)
    SELECT queue, id FROM json_to_recordset(%s) AS row (queue text, id bigint)
    ON CONFLICT (queue) DO UPDATE SET sent_up_to = excluded.sent_up_to
    WHERE kept.sent_up_to <> excluded.sent_up_to
"""


#: Has a transaction read as many rows as it takes, whatever the statistics say of all that match: a million
#: may wait where they know of a few, which would be fetched all and sorted. What cannot be done otherwise
#: costs ten billion before PostgreSQL 18, and would be compiled for that: 640 ms for a statement of 0.4.
IN_ORDER = """
    SELECT set_config('enable_bitmapscan', 'off', true), set_config('enable_sort', 'off', true),
        set_config('jit', 'off', true)
"""


def in_order_of_the_index() -> None:
    """Have this transaction do so."""
    with connection.cursor() as cursor:
        cursor.execute(IN_ORDER)


def positions() -> dict[str, int]:
    """Queue to its position, of each declared queue and each that a relay has ever met."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT queue, sent_up_to FROM switchyard_outbox_position")
        return dict.fromkeys(QUEUES, 0) | dict(cursor.fetchall())


def remember(known: Mapping[str, int]) -> None:
    """Write the positions down, for who looks and for the next relay."""
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, [_rows(known)])


def first_waiting(known: Mapping[str, int]) -> dict[str, int]:
    """Each queue that a message waits for, also one that is not ``known``, to the number of its first."""
    behind = {"": 0, **known}
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_FIRST, [_rows(behind)])
            found: dict[str, int] = dict(cursor.fetchall())
        if found.keys() <= behind.keys():
            return found
        # Behind a queue that was not known there may be another.
        behind |= {queue: number - 1 for queue, number in found.items()}


def _rows(known: Mapping[str, Any]) -> str:
    return json.dumps([{"queue": queue, "id": number} for queue, number in sorted(known.items())])
