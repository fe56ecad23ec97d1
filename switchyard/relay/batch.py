"""Locks the rows of a batch, and says which of its neighbours it had to leave to others."""

from dataclasses import dataclass

from django.db import connection

from switchyard.outbox.models import Message
from switchyard.outbox.position import IN_ORDER

BATCH_ROWS = 200
#: Of bodies, which are held in memory: fewer rows when they are large.
BATCH_BYTES = 8 * 1024 * 1024

# Rows are compared whole, for the reason in switchyard/outbox/position.py.
_BEHIND = """
    FROM switchyard_outbox
    WHERE quarantined_at IS NULL AND (queue, id) > (%(queue)s, %(behind)s) AND queue <= %(queue)s
    ORDER BY queue, id LIMIT %(rows)s
"""
_FETCH = f"""
    WITH locked AS MATERIALIZED (
        SELECT id, octet_length(body) AS bytes {_BEHIND} FOR UPDATE SKIP LOCKED
    ), seen AS MATERIALIZED (
        SELECT id {_BEHIND}
    ), measured AS (
        SELECT id, sum(bytes) OVER (ORDER BY id) - bytes AS bytes_before FROM locked
    )
    SELECT switchyard_outbox.*,
        -- What a clock accepted that was ahead waits as long as was asked for.
        extract(epoch FROM eta - greatest(clock_timestamp(), created_at))::float AS due_in,
        (SELECT min(id) FROM seen WHERE id NOT IN (SELECT id FROM locked)) AS skipped
    FROM measured JOIN switchyard_outbox USING (id)
    WHERE bytes_before < %(bytes)s ORDER BY id
"""  # noqa: S608 - constants of ours


# For this transaction alone: behind a pooler the session is somebody else's after it. A batch is deleted by
# its keys, where PostgreSQL would rather read a table of some thousand rows.
_BEGIN = f"""
    {IN_ORDER}, set_config('enable_seqscan', 'off', true),
    set_config('idle_in_transaction_session_timeout', %s, true)
"""


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one queue, oldest first, locked until the transaction ends."""

    messages: list[Message]
    #: The first row among them or before them that somebody else has locked.
    skipped: int | None


def begin(lock_seconds: float) -> None:
    """Have PostgreSQL end this transaction when nothing is heard of it for so long.

    A relay that is frozen, or whose machine is gone, must not keep its rows locked for ever.
    """
    with connection.cursor() as cursor:
        cursor.execute(_BEGIN, [str(int(lock_seconds * 1000))])


def fetch(queue: str, behind: int, rows: int) -> Batch:
    """Lock the oldest rows with a number above ``behind`` that no other relay has locked.

    In a transaction that ``begin`` has begun.
    """
    messages = list(
        Message.objects.raw(
            _FETCH,
            {
                "queue": queue,
                "behind": behind,
                "rows": rows,
                "bytes": BATCH_BYTES,
            },
        )
    )
    return Batch(messages, messages[0].skipped if messages else None)
