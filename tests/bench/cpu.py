"""How much of all cores a worker of processes gives to the code of its tasks, and what the broker takes.

With a child for each core, and with one more: while one hands over its task, another computes.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.queues import CPU
from tests.bench.figures import Figure
from tests.bench.yard import Yard
from tests.live.processes import Process

PART = "cpu worker"
CORES = os.cpu_count() or 1
CHILDREN = (CORES, CORES + 1)
TASKS = ((0.020, 97, 1000), (0.005, 90, 2000))


@dataclass(frozen=True)
class Course:
    """Percent of all cores, then microseconds a task that were not its own code's, and megabytes."""

    busy: float
    worker_us: float
    broker_us: float
    memory: float


def measure(yard: Yard) -> Iterator[Figure]:
    for children in CHILDREN:
        for seconds, reach, usual in TASKS:
            count = yard.times(usual)
            ours, stocks = _ours(yard, children, seconds, count), _stocks(yard, children, seconds, count)
            tasks = f"tasks of {seconds * 1000:.0f} ms, {children} children"
            yield Figure(
                PART,
                f"cores busy with task code, {tasks}",
                ours.busy,
                "%",
                reach,
                True,
                stocks.busy,
                "prefork",
            )
            yield _beside(f"CPU beside task code, {tasks}", ours.worker_us, "us", stocks.worker_us)
            if yard.broker_pids:
                yield _beside(f"broker's CPU, {tasks}", ours.broker_us, "us", stocks.broker_us)
        yield _beside(f"memory, {children} children", ours.memory, "MB", stocks.memory)


def _ours(yard: Yard, children: int, seconds: float, count: int) -> Course:
    first, second = yard.mark_path(), yard.mark_path()
    spin, mark = f"bench.{CPU.name}_spin", f"bench.{CPU.name}_mark"
    yard.accept([(spin, (0.001,))] * 100 + [(mark, (str(first),))])
    yard.accept([(spin, (seconds,))] * count + [(mark, (str(second),))])
    yard.relay_all()
    worker = yard.processes.worker(CPU.name, f"--concurrency={children}")
    return _course(yard, worker, (first, second), seconds, count)


def _stocks(yard: Yard, children: int, seconds: float, count: int) -> Course:
    first, second = yard.mark_path(), yard.mark_path()
    yard.send_stock([("stock.spin", (0.001,))] * 100 + [("stock.mark", (str(first),))])
    yard.send_stock([("stock.spin", (seconds,))] * count + [("stock.mark", (str(second),))])
    worker = yard.stock_worker("--pool=prefork", f"--concurrency={children}")
    return _course(yard, worker, (first, second), seconds, count)


def _course(yard: Yard, worker: Process, marks: tuple[Path, Path], seconds: float, count: int) -> Course:
    begun, broker_begun = yard.reading(marks[0]), yard.broker_cpu_seconds()
    done, broker_done = yard.reading(marks[1]), yard.broker_cpu_seconds()
    yard.end(worker)
    work = seconds * count
    return Course(
        busy=work / (done["at"] - begun["at"]) / CORES * 100,
        worker_us=(done["cpu_seconds"] - begun["cpu_seconds"] - work) / count * 1e6,
        broker_us=(broker_done - broker_begun) / count * 1e6,
        memory=done["memory_mb"],
    )


def _beside(what: str, value: float, unit: str, control: float) -> Figure:
    return Figure(PART, what, value, unit, control=control, control_is="prefork")
