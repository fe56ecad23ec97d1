"""How costs grow with what waits, in the outbox and in the queue, and with the number of worker processes.

The processes, and the broker beside them, share the cores of this machine.
"""

import signal
import time
from collections.abc import Iterator, Sequence

from app.queues import IO
from tests.bench import gauge
from tests.bench.backlog import CPU_REACH, NOOP, RATE_REACH, drain, mark
from tests.bench.cost import Cost
from tests.bench.figures import Figure
from tests.bench.yard import WARM_UP, Yard
from tests.live.processes import Process

PART = "growth"
PROCESSES = (1, 2, 4, 8)
DEPTHS = (1_000, 10_000, 100_000, 1_000_000)
#: Of a deep queue, those that are looked at.
HEAD = 1_000


def measure(yard: Yard) -> Iterator[Figure]:
    relay = yard.processes.relay()
    drain(yard, relay, [(NOOP, 500)])
    # The deepest comes last: the disks may be writing what it left for a while.
    yield from _processes(yard, relay)
    yield from _depths(yard, relay)
    yard.end(relay)


def _processes(yard: Yard, relay: Process) -> Iterator[Figure]:
    found: list[Cost] = []
    for number in PROCESSES:
        among = f"workers: {number}"
        ran, broker_us = _many(yard, relay, number)
        found.append(ran)
        yield from _figures(among, found, "workers: 1")
        if yard.broker_pids:
            yield Figure(PART, f"broker's CPU a task, {among}", broker_us, "us")


def _many(yard: Yard, relay: Process, number: int) -> tuple[Cost, float]:
    """So many workers at the same tasks, and microseconds of the broker's CPU for each of these.

    The workers stand still until all tasks are at the broker, or a relay would be what is measured.
    """
    yard.purge()
    first, last, count = yard.mark_path(), yard.mark_path(), yard.times(20_000)
    workers = [yard.processes.start("worker", IO.name, f"--name=many-{each}") for each in range(number)]
    for worker in workers:
        yard.processes.until_beating(worker)
    drain(yard, relay, [(NOOP, WARM_UP * number), (mark(first), 1)])
    yard.reading(first)
    _signal(workers, signal.SIGSTOP)
    drain(yard, relay, [(NOOP, count), (mark(last), 1)])
    used, broker_used, began = _cpu_seconds(workers), yard.broker_cpu_seconds(), time.time()
    _signal(workers, signal.SIGCONT)
    seconds = yard.reading(last)["at"] - began
    used, broker_used = _cpu_seconds(workers) - used, yard.broker_cpu_seconds() - broker_used
    yard.end(*workers)
    return Cost(used / count * 1e6, count / seconds), broker_used / count * 1e6


def _depths(yard: Yard, relay: Process) -> Iterator[Figure]:
    drains: list[Cost] = []
    heads: list[Cost] = []
    for depth in map(yard.times, DEPTHS):
        drained, head = _deep(yard, relay, depth)
        heads.append(head)
        yield from _figures(f"{depth:,} waiting", heads, f"{yard.times(DEPTHS[0]):,} waiting")
        # A thousand rows are too few to say what a relay takes.
        if depth > yard.times(DEPTHS[0]):
            drains.append(drained)
            yield from _drain_figures(f"{depth:,} rows", drains, f"{yard.times(DEPTHS[1]):,} rows")


def _deep(yard: Yard, relay: Process, depth: int) -> tuple[Cost, Cost]:
    """Bring so many to the broker, and run the first of them: their cost should not know of the others."""
    yard.purge()
    first, second = yard.mark_path(), yard.mark_path()
    head = min(HEAD, depth // 2)
    course = [(NOOP, WARM_UP), (mark(first), 1), (NOOP, head), (mark(second), 1), (NOOP, depth - head)]
    drained = drain(yard, relay, course)
    worker = yard.processes.worker(IO.name)
    begun, done = yard.reading(first), yard.reading(second)
    yard.end(worker)
    return drained, Cost.between(begun, done, head)


def _signal(workers: Sequence[Process], which: signal.Signals) -> None:
    for worker in workers:
        worker.signal(which)


def _cpu_seconds(workers: Sequence[Process]) -> float:
    return sum(gauge.cpu_seconds(worker.popen.pid) for worker in workers)


def _figures(among: str, found: Sequence[Cost], control_is: str) -> Iterator[Figure]:
    """Of the last that was found, beside the first."""
    cpu, rate = _first(found)
    yield Figure(PART, f"CPU a task, {among}", found[-1].cpu_us, "us", None, False, cpu, control_is)
    yield Figure(PART, f"tasks a second, {among}", found[-1].per_second, "/s", None, False, rate, control_is)


def _drain_figures(among: str, found: Sequence[Cost], control_is: str) -> Iterator[Figure]:
    cpu, rate = _first(found)
    what = f"relay's CPU a row, {among}", f"relay's rows a second, {among}"
    yield Figure(PART, what[0], found[-1].cpu_us, "us", CPU_REACH, False, cpu, control_is)
    yield Figure(PART, what[1], found[-1].per_second, "/s", RATE_REACH, True, rate, control_is)


def _first(found: Sequence[Cost]) -> tuple[float | None, float | None]:
    """What the last is compared with, if it is not the only one."""
    return (found[0].cpu_us, found[0].per_second) if len(found) > 1 else (None, None)
