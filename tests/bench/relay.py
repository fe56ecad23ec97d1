"""What it costs to bring a row of the outbox to the broker, and how long a commit waits for it."""

import signal
import threading
import time
from collections.abc import Iterator

from django.db import transaction

from app.celery import app
from switchyard.outbox.models import Message
from switchyard.routing import QUEUES
from tests.bench import gauge
from tests.bench.backlog import CPU_REACH, NOOP, RATE_REACH, drain
from tests.bench.figures import Figure, percentile
from tests.bench.yard import PATIENCE_SECONDS, Yard
from tests.live.processes import Process, eventually
from tests.switchyard.relay.instant import fill, open_transaction

PART = "relay"
RATE = 200
#: Of the rate without, what a relay should keep beside rows that are gone, and kept for a transaction.
KEPT_SHARE = 0.9


def measure(yard: Yard) -> Iterator[Figure]:
    relay = yard.processes.relay()
    drain(yard, relay, [(NOOP, 500)])
    for rows in (yard.times(10_000), yard.times(50_000)):
        found = drain(yard, relay, [(NOOP, rows)])
        yield Figure(PART, f"CPU a row, {rows:,} rows", found.cpu_us, "us", CPU_REACH)
        yield Figure(PART, f"rows a second, {rows:,} rows", found.per_second, "/s", RATE_REACH, more=True)
    yield from _beside_many(yard, relay)
    # A consumer would be given all of those first, and what is looked at would wait behind them.
    yard.purge()
    waits = _waits(yard.times(2000))
    yield Figure(PART, f"commit to queue at {RATE}/s, p50", percentile(waits, 0.5) * 1000, "ms", reach=10)
    yield Figure(PART, f"commit to queue at {RATE}/s, p99", percentile(waits, 0.99) * 1000, "ms", reach=50)
    yield Figure(PART, "memory", gauge.memory_mb(relay.popen.pid), "MB")
    yard.end(relay)
    yard.purge()


def _beside_many(yard: Yard, relay: Process) -> Iterator[Figure]:
    """Each right after a rate without, as what else runs on this machine changes by the minute."""
    gone, waiting, rows = yard.times(5_000_000), yard.times(1_000_000), yard.times(20_000)
    for kept, behind in ((0, waiting), (gone, 0), (gone, waiting)):
        yard.purge()
        without = drain(yard, relay, [(NOOP, rows)])
        with open_transaction():
            _leave_behind(yard, relay, kept)
            found = drain(yard, relay, [(NOOP, rows)], behind)
        beside = " and ".join(
            [f"{count:,} {what}" for count, what in ((behind, "waiting"), (kept, "that are gone")) if count]
        )
        rate, control = found.per_second, without.per_second
        yield Figure(PART, f"CPU a row, {beside}", found.cpu_us, "us", None, False, without.cpu_us, "none")
        yield Figure(
            PART, f"rows a second, {beside}", rate, "/s", KEPT_SHARE * control, True, control, "none"
        )
    yard.purge()


def _leave_behind(yard: Yard, relay: Process, count: int) -> None:
    """Rows that are gone, and kept for the transaction that is open; the relay passes them once."""
    relay.signal(signal.SIGSTOP)
    fill(count)
    Message.objects.all().delete()
    relay.signal(signal.SIGCONT)
    drain(yard, relay, [(NOOP, 500)])


def _waits(count: int) -> list[float]:
    """Seconds from each commit until its message was delivered to a consumer."""
    name, arguments = NOOP
    committed: dict[str, float] = {}
    arrived: dict[str, float] = {}
    stop = threading.Event()
    consumer = threading.Thread(target=_consume, args=(arrived, stop), daemon=True)
    consumer.start()
    began = time.monotonic()
    for number in range(count):
        time.sleep(max(0.0, began + number / RATE - time.monotonic()))
        with transaction.atomic():
            task_id = app.tasks[name].delay_on_commit(*arguments)
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
