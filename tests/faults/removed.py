"""Countdowns for a queue that is gone when they come due."""

import json
import time

from django.db import connection, transaction

from switchyard.outbox.rows import Row, insert
from tests.faults.ledger.models import Promise
from tests.malformed import valid

#: More than the broker's dead lettering has in hand: 32 that found no queue stopped all that followed.
COUNTDOWNS = 40
DUE_SECONDS = 3


def promise_to_removed(queue: str) -> list[str]:
    """Promise ``COUNTDOWNS`` effects of tasks that an older release sent to this queue.

    They do not run by themselves.
    """
    keys = [f"{queue}-{number}" for number in range(COUNTDOWNS)]
    with transaction.atomic():
        Promise.objects.bulk_create(Promise(key=key, at=time.time()) for key in keys)
        insert(connection, [_row(key, queue) for key in keys])
    return keys


def _row(key: str, queue: str) -> Row:
    draft = valid("ledger.io_work", key)
    properties = {"content_type": draft.content_type, "content_encoding": draft.content_encoding}
    return Row(
        task_id=key,
        task="ledger.io_work",
        queue=queue,
        headers=json.dumps(draft.headers),
        properties=json.dumps(properties | {"delivery_mode": 2, "correlation_id": key}),
        body=draft.body.decode(),
        due=time.monotonic() + DUE_SECONDS,
    )
