"""What it costs to bring a row of the outbox to the broker, and how long a commit waits for it."""

import threading
import time
from collections.abc import Iterator

from django.db import connection, transaction

from app.celery import app
from app.queues import QUEUES
from tests.bench import gauge
from tests.bench.figures import Figure, percentile
from tests.bench.yard import PATIENCE_SECONDS, Yard
from tests.live.processes import Process, eventually

PART = "relay"
RATE = 200
_COPY = """
    INSERT INTO outbox_message (task_id, task, queue, headers, properties, body, eta, created_at)
    SELECT task_id, task, queue, headers, properties, body, eta, clock_timestamp()
    FROM outbox_message, generate_series(2, %s)
"""


def measure(yard: Yard) -> Iterator[Figure]:
    relay = yard.processes.relay()
    _drain(yard, relay, 500)
    for rows in (yard.times(10_000), yard.times(50_000)):
        cpu, rate = _drain(yard, relay, rows)
        yield Figure(PART, f"CPU a row, {rows:,} rows", cpu, "us", reach=150)
        yield Figure(PART, f"rows a second, {rows:,} rows", rate, "/s", reach=5000, more=True)
    waits = _waits(yard.times(2000))
    yield Figure(PART, f"commit to queue at {RATE}/s, p50", percentile(waits, 0.5) * 1000, "ms", reach=10)
    yield Figure(PART, f"commit to queue at {RATE}/s, p99", percentile(waits, 0.99) * 1000, "ms", reach=50)
    yield Figure(PART, "memory", gauge.memory_mb(relay.popen.pid), "MB")
    yard.end(relay)
    yard.purge()


def _drain(yard: Yard, relay: Process, rows: int) -> tuple[float, float]:
    """Microseconds of the relay's CPU a row, and rows a second, until the last is confirmed and deleted."""
    before = gauge.cpu_seconds(relay.popen.pid)
    with transaction.atomic():
        _fill(rows)
    began = time.time()
    yard.until_relayed()
    seconds = time.time() - began
    used = gauge.cpu_seconds(relay.popen.pid) - before
    return used / rows * 1e6, rows / seconds


def _fill(rows: int) -> None:
    """Rows that differ in nothing but their number, without what each call would cost."""
    from app.outbox.amqp import captured
    from app.outbox.rows import insert

    with captured() as kept:
        app.tasks["bench.io_noop"].apply_async((1, 2))
    insert(connection, kept)
    with connection.cursor() as cursor:
        cursor.execute(_COPY, [rows])


def _waits(count: int) -> list[float]:
    """Seconds from each commit until its message was delivered to a consumer."""
    committed: dict[str, float] = {}
    arrived: dict[str, float] = {}
    stop = threading.Event()
    consumer = threading.Thread(target=_consume, args=(arrived, stop), daemon=True)
    consumer.start()
    began = time.monotonic()
    for number in range(count):
        time.sleep(max(0.0, began + number / RATE - time.monotonic()))
        with transaction.atomic():
            task_id = app.tasks["bench.io_noop"].delay_on_commit(1, 2)
        committed[task_id] = time.time()
    eventually(lambda: committed.keys() <= arrived.keys(), within=PATIENCE_SECONDS, what="every message")
    stop.set()
    consumer.join()
    return [max(0.0, arrived[task_id] - at) for task_id, at in committed.items()]


def _consume(arrived: dict[str, float], stop: threading.Event) -> None:
    with app.connection_for_write() as broker, broker.channel() as channel:
        channel.basic_consume(
            next(iter(QUEUES)),
            no_ack=True,
            callback=lambda message: arrived.setdefault(message.headers["id"], time.time()),
        )
        while not stop.is_set():
            try:
                broker.drain_events(timeout=0.5)
            except TimeoutError:
                continue
