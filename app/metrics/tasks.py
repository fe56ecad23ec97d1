"""The canaries, one for each queue (see ``app.metrics.canary``)."""

from datetime import datetime
from typing import Any

import structlog
from celery import shared_task
from django.db import Error, connection

from app.queues import QUEUES, QueueSpec

_CAME_BACK = """
    UPDATE metrics_canary SET
        returned_at = clock_timestamp(),
        wait_seconds = extract(epoch FROM clock_timestamp() - %(sent_at)s),
        waiting_since = CASE WHEN waiting_since > %(sent_at)s THEN waiting_since END
    WHERE queue = %(queue)s
"""

log = structlog.get_logger("app.metrics")


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
