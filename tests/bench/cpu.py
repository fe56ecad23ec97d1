"""How much of both cores a worker of processes gives to the code of its tasks."""

import os
from collections.abc import Iterator
from pathlib import Path

from app.queues import CPU
from tests.bench.figures import Figure
from tests.bench.yard import Yard
from tests.live.processes import Process

PART = "cpu worker"
TASKS = ((0.020, 97, 1000), (0.005, 90, 2000))


def measure(yard: Yard) -> Iterator[Figure]:
    for seconds, reach, usual in TASKS:
        count = yard.times(usual)
        busy, own, memory = _ours(yard, seconds, count)
        stock_busy, stock_own, stock_memory = _stocks(yard, seconds, count)
        tasks = f"tasks of {seconds * 1000:.0f} ms"
        yield Figure(
            PART, f"cores busy with task code, {tasks}", busy, "%", reach, True, stock_busy, "prefork"
        )
        yield Figure(PART, f"CPU beside task code, {tasks}", own, "us", None, False, stock_own, "prefork")
    yield Figure(PART, "memory", memory, "MB", control=stock_memory, control_is="prefork")


def _ours(yard: Yard, seconds: float, count: int) -> tuple[float, float, float]:
    first, second = yard.mark_path(), yard.mark_path()
    spin, mark = f"bench.{CPU.name}_spin", f"bench.{CPU.name}_mark"
    yard.accept([(spin, (0.001,))] * 100 + [(mark, (str(first),))])
    yard.accept([(spin, (seconds,))] * count + [(mark, (str(second),))])
    yard.relay_all()
    worker = yard.processes.worker(CPU.name, f"--concurrency={os.cpu_count()}")
    return _figures(yard, worker, (first, second), seconds, count)


def _stocks(yard: Yard, seconds: float, count: int) -> tuple[float, float, float]:
    first, second = yard.mark_path(), yard.mark_path()
    yard.send_stock([("stock.spin", (0.001,))] * 100 + [("stock.mark", (str(first),))])
    yard.send_stock([("stock.spin", (seconds,))] * count + [("stock.mark", (str(second),))])
    worker = yard.stock_worker("--pool=prefork", f"--concurrency={os.cpu_count()}")
    return _figures(yard, worker, (first, second), seconds, count)


def _figures(
    yard: Yard, worker: Process, marks: tuple[Path, Path], seconds: float, count: int
) -> tuple[float, float, float]:
    """Percent of all cores, microseconds a task that were not its own, and megabytes."""
    begun, done = map(yard.reading, marks)
    yard.end(worker)
    cores, work = os.cpu_count() or 1, seconds * count
    busy = work / (done["at"] - begun["at"]) / cores * 100
    own = (done["cpu_seconds"] - begun["cpu_seconds"] - work) / count * 1e6
    return busy, own, done["memory_mb"]
