"""What a scrape of the exporter takes, with few queues on the broker, many, and deep ones."""

import time
from collections.abc import Iterator
from urllib.request import urlopen

import httpx
from django.conf import settings

from app.celery import app
from app.queues import IO
from deploy.local.ports import LOOPBACK
from tests.bench import gauge
from tests.bench.figures import Figure, percentile
from tests.bench.yard import Yard
from tests.live.processes import Process, eventually

PART = "exporter"
MANY = 200
SCRAPES = 20


def measure(yard: Yard) -> Iterator[Figure]:
    exporter = yard.processes.start("exporter")
    eventually(lambda: _answers(yard), what="an exporter that answers")
    yield from _scrapes(yard, exporter, "the declared queues", 20)
    deep = yard.times(50_000)
    yard.accept([(f"bench.{IO.name}_noop", (1, 2))] * deep)
    yard.relay_all()
    yield from _scrapes(yard, exporter, f"{deep:,} messages waiting", 20)
    with app.connection_for_write() as broker, broker.channel() as channel:
        names = [f"bench-{number}" for number in range(MANY)]
        for name in names:
            channel.queue_declare(name, durable=True, auto_delete=False)
        yield from _scrapes(yard, exporter, f"{MANY} more queues", 150)
        for name in names:
            channel.queue_delete(name)
    yield Figure(PART, "connections to the broker", _connections(), "")


def _scrapes(yard: Yard, exporter: Process, among: str, reach: float) -> Iterator[Figure]:
    _scrape(yard)
    before, walls = gauge.cpu_seconds(exporter.popen.pid), []
    for _ in range(SCRAPES):
        began = time.perf_counter()
        _scrape(yard)
        walls.append((time.perf_counter() - began) * 1000)
    used = (gauge.cpu_seconds(exporter.popen.pid) - before) / SCRAPES * 1000
    yield Figure(PART, f"scrape, {among}, p50", percentile(walls, 0.5), "ms", reach=reach)
    yield Figure(PART, f"scrape, {among}, CPU", used, "ms")


def _scrape(yard: Yard) -> bytes:
    port = yard.processes.environment["EXPORTER_PORT"]
    with urlopen(f"http://{LOOPBACK}:{port}/metrics", timeout=10) as answer:
        return bytes(answer.read())


def _answers(yard: Yard) -> bool:
    try:
        return b"switchyard_broker_up 1" in _scrape(yard)
    except OSError:
        return False


def _connections() -> float:
    """Of AMQP, as the broker counts them: the exporter should have none of its own but what it keeps."""
    url = settings.SWITCHYARD_BROKER_MANAGEMENT_URL
    return float(len(httpx.get(f"{url}/api/connections", timeout=30).json()))
