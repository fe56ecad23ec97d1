"""A backlog of the outbox that is there at once, and what it takes a relay to bring it to the broker."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from app.celery import app
from app.queues import IO
from switchyard.outbox.capture import captured
from switchyard.outbox.models import Message
from switchyard.outbox.rows import insert
from tests.bench import gauge
from tests.bench.cost import Cost
from tests.bench.yard import PATIENCE_SECONDS, Yard
from tests.live.processes import Process

Call = tuple[str, tuple[Any, ...]]
#: What a relay should keep, however much waits.
CPU_REACH, RATE_REACH = 150, 5000
NOOP: Call = (f"bench.{IO.name}_noop", (1, 2))
#: A relay on a machine that others use too brings so many rows a second at least.
SLOWEST = 1000
# Each copy has an id of its own, by which a worker keeps what it runs: its last twelve digits are a number.
_COPY = """
    INSERT INTO switchyard_outbox (task_id, task, queue, headers, properties, body, eta, created_at)
    SELECT id_of_copy, task, queue, replace(headers, task_id, id_of_copy),
        replace(properties, task_id, id_of_copy), body, eta, clock_timestamp()
    FROM switchyard_outbox, generate_series(2, %s) AS number,
        LATERAL (SELECT left(task_id, 24) || lpad(to_hex(number), 12, '0')) AS copy (id_of_copy)
    WHERE task_id = %s
"""


def mark(path: Path) -> Call:
    return f"bench.{IO.name}_mark", (str(path),)


def drain(yard: Yard, relay: Process, calls: Sequence[tuple[Call, int]], behind: int = 0) -> Cost:
    """Commit each call so many times, in their order, and wait until the last is confirmed and deleted.

    So many more are committed ``behind`` them, and not waited for.
    """
    with transaction.atomic():
        for call, times in calls:
            fill(call, times)
        last = Message.objects.latest("pk")
        if behind:
            fill(NOOP, behind)
        before = gauge.cpu_seconds(relay.popen.pid)
    began, rows = time.time(), sum(times for _, times in calls)
    yard.until_relayed(PATIENCE_SECONDS + rows / SLOWEST, last)
    seconds = time.time() - began
    return Cost((gauge.cpu_seconds(relay.popen.pid) - before) / rows * 1e6, rows / seconds)


def fill(call: Call, times: int) -> None:
    """Rows that differ in nothing but their number and id, without what each call would cost."""
    name, arguments = call
    with captured() as kept:
        app.tasks[name].apply_async(arguments)
    insert(connection, kept)
    with connection.cursor() as cursor:
        cursor.execute(_COPY, [times, kept[0].task_id])
