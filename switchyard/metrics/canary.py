"""Measures the wait in each queue, by a task that only says how long it has waited.

It goes the way of every task: outbox, relay, route, queue, slot. One is on its way at a time. One that does
not come back is either waiting, and then its age is what should be seen, or was lost (somebody emptied the
queue). Which of the two, only a later one can tell: the queue is in order, so a canary that comes back
answers for all that were sent before it. Another is therefore sent when the first is REPLACE_SECONDS old, and
again whenever that age has doubled: a stall of a day holds eleven.

Any number of exporters may send: the row says whose turn it was. A row from the future (the database's clock
was set back, or its server is another now) says nothing, and the next canary begins anew.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import structlog
from celery import shared_task
from django.db import Error, connection, transaction

from switchyard.metrics.state import QueueState
from switchyard.queues import QueueSpec
from switchyard.routing import QUEUES

#: Between two canaries of a queue that has messages, and of one that has none: the first message that waits
#: ends the longer one.
BUSY_SECONDS = 15
QUIET_SECONDS = 60
REPLACE_SECONDS = 60

_SEND = """
    INSERT INTO switchyard_canary AS canary (queue, sent_at, waiting_since)
    SELECT %s, moment, moment FROM clock_timestamp() AS moment
    ON CONFLICT (queue) DO UPDATE SET
        sent_at = excluded.sent_at,
        waiting_since = least(canary.waiting_since, excluded.sent_at)
    WHERE canary.sent_at - excluded.sent_at > make_interval(secs => %s)
        OR CASE WHEN canary.waiting_since IS NULL
        THEN excluded.sent_at - canary.sent_at >= make_interval(secs => %s)
        ELSE excluded.sent_at - canary.waiting_since >= greatest(
            make_interval(secs => %s), 2 * (canary.sent_at - canary.waiting_since))
        END
    RETURNING sent_at
"""
_CAME_BACK = """
    UPDATE switchyard_canary SET
        returned_at = clock_timestamp(),
        wait_seconds = greatest(0, extract(epoch FROM clock_timestamp() - %(sent_at)s)),
        waiting_since = CASE WHEN waiting_since > %(sent_at)s THEN waiting_since END
    WHERE queue = %(queue)s
"""

log = structlog.get_logger("switchyard.metrics")


def send_due(states: Mapping[str, QueueState]) -> list[str]:
    """Send what is due, given what the broker says of each queue, if anything. Returns the queues' names.

    Raises django.db.Error.
    """
    due = {queue: interval_seconds(states.get(queue)) for queue in QUEUES}
    return [queue for queue, seconds in due.items() if seconds is not None and send(queue, seconds)]


@transaction.atomic
def send(queue: str, every_seconds: float) -> bool:
    """Send a canary if none was sent for so long, and none is on its way. Whether it was."""
    with connection.cursor() as cursor:
        cursor.execute(_SEND, [queue, REPLACE_SECONDS, every_seconds, REPLACE_SECONDS])
        row = cursor.fetchone()
    if row is None:
        return False
    CANARIES[queue].delay_on_commit(row[0].isoformat())
    return True


def interval_seconds(state: QueueState | None) -> float | None:
    """None for a queue in which nothing waits and on which nobody works: it would wake who sleeps."""
    if state is None or state.messages != 0:
        return BUSY_SECONDS
    return QUIET_SECONDS if state.consumers else None


def came_back(queue: str, sent_at: str) -> None:
    """Write down the wait of a canary that was sent then. One that cannot be is a lost one, no more."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(_CAME_BACK, {"queue": queue, "sent_at": datetime.fromisoformat(sent_at)})
    except Error as error:
        log.warning("canary_not_noted", queue=queue, reason=str(error).strip())


def _canary(spec: QueueSpec) -> Any:
    @shared_task(name=spec.canary_task)
    def canary(sent_at: str) -> None:
        """Say how long a message waits in this queue.

        Idempotent: a second run says the same of a moment later.
        """
        came_back(spec.name, sent_at)

    return canary


CANARIES = {name: _canary(spec) for name, spec in QUEUES.items()}
