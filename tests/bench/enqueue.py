"""What a call costs the request that makes it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median

from django.conf import settings
from django.db import transaction

from app.celery import app
from tests.bench.figures import Figure, percentile
from tests.bench.stock import stock
from tests.bench.yard import Yard
from tests.gallery.models import Run

PART = "enqueue"
NOWHERE = "pyamqp://nobody@127.0.0.1:1/nowhere"


def measure(yard: Yard) -> Iterator[Figure]:
    count = yard.times(1000)
    noop = app.tasks["bench.io_noop"]
    bare, ours, walls = _beside(count, lambda: noop.delay_on_commit(1, 2))
    with _no_broker():
        bare_down, down, walls_down = _beside(count, lambda: noop.delay_on_commit(1, 2))
    theirs, stock_walls = _stock(yard.times(500))
    yield Figure(PART, "CPU beyond the transaction", ours - bare, "us", 150, False, theirs, "delay")
    yield Figure(PART, "CPU of the bare transaction", bare, "us")
    yield Figure(PART, "CPU beyond the transaction, broker down", down - bare_down, "us", 150)
    yield Figure(PART, "CPU a call, 100 in one transaction", _hundred(yard.times(30)), "us", 25)
    p50, stock_p50 = percentile(walls, 0.5), percentile(stock_walls, 0.5)
    yield Figure(PART, "transaction with a call, p50", p50, "us", None, False, stock_p50, "delay")
    yield Figure(PART, "transaction with a call, p99 over p50", percentile(walls, 0.99) / p50, "x", 3)
    p50_down = percentile(walls_down, 0.5)
    yield Figure(PART, "transaction with a call, p50, broker down", p50_down, "us")
    yield Figure(PART, "the same, p99 over p50", percentile(walls_down, 0.99) / p50_down, "x", 3)


def _beside(count: int, call: Callable[[], object]) -> tuple[float, float, list[float]]:
    """Microseconds of CPU of a transaction without and with the call, and of wall time with it, one by one.

    In turn, and the medians: whatever else the machine does, it does to both.
    """
    bare, ours, walls = [], [], []
    for _ in range(count + 20):
        bare.append(_request(lambda: None)[0])
        cpu, wall = _request(call)
        ours.append(cpu)
        walls.append(wall)
    return median(bare[20:]), median(ours[20:]), walls[20:]


def _request(work: Callable[[], object]) -> tuple[float, float]:
    """Microseconds of CPU and of wall time of one transaction."""
    began, used = time.perf_counter(), time.thread_time()
    with transaction.atomic():
        Run.objects.create(key="bench", attempt=0, started=0.0)
        work()
    return (time.thread_time() - used) * 1e6, (time.perf_counter() - began) * 1e6


def _hundred(count: int) -> float:
    noop = app.tasks["bench.io_noop"]

    def calls() -> None:
        for number in range(100):
            noop.delay_on_commit(number, 2)

    bare, ours, _ = _beside(count, calls)
    return (ours - bare) / 100


def _stock(count: int) -> tuple[float, list[float]]:
    noop = stock.tasks["stock.noop"]
    cpus, walls = [], []
    for _ in range(count + 20):
        began, used = time.perf_counter(), time.thread_time()
        noop.delay(1, 2)
        cpus.append((time.thread_time() - used) * 1e6)
        walls.append((time.perf_counter() - began) * 1e6)
    return median(cpus[20:]), walls[20:]


@contextmanager
def _no_broker() -> Iterator[None]:
    """Only the address: what an outage is to code that never asks the broker."""
    address, settings.CELERY_BROKER_URL = settings.CELERY_BROKER_URL, NOWHERE
    try:
        yield
    finally:
        settings.CELERY_BROKER_URL = address
