"""Whether waiting work feels the computing work: io's waits beside 10,000 waiting cpu tasks.

The cpu worker has one core, and everything else (io worker, broker, database, relay, sender) the other, with
it and without it, as the CPU requests of the manifests would have it. So what shows is what one queue does to
the other, not what a busy core does to the broker. The control is what the two queues are there for: the same
tasks in one queue, for one worker.
"""

import time
from collections.abc import Iterator

from app.queues import CPU, IO
from tests.bench.cores import apart, descendants, pin
from tests.bench.figures import Figure, percentile
from tests.bench.waits import noted, waits
from tests.bench.yard import Yard

PART = "isolation"
PER_SECOND = 50
SPIN_SECONDS = 0.02


def measure(yard: Yard) -> Iterator[Figure]:
    waiting = yard.times(10_000)
    with apart(yard.folder) as core:
        alone, beside = _two_queues(yard, waiting, core)
        one = _one_queue(yard, core)
    p99 = percentile(beside, 0.99)
    yield Figure(PART, "io wait alone, p99", percentile(alone, 0.99) * 1000, "ms")
    yield Figure(
        PART,
        f"io wait beside {waiting:,} cpu tasks, p99",
        p99 * 1000,
        "ms",
        control=percentile(one, 0.99) * 1000,
        control_is="one queue with a tenth of them, ms",
    )
    yield Figure(PART, "beside over alone, p99", p99 / percentile(alone, 0.99), "x", reach=1.2)


def _two_queues(yard: Yard, waiting: int, core: int) -> tuple[list[float], list[float]]:
    """Waits in the io queue, without and with a cpu worker that computes."""
    count, note = yard.times(500), f"bench.{IO.name}_note"
    relay = yard.processes.relay()
    io = yard.processes.worker(IO.name)
    waits(yard.folder / "isolation-warm", note, 50, PER_SECOND)
    alone = waits(yard.folder / "isolation-alone", note, count, PER_SECOND)
    yard.accept([(f"bench.{CPU.name}_spin", (SPIN_SECONDS,))] * waiting)
    yard.until_relayed()
    cpu = yard.processes.worker(CPU.name, "--concurrency=1")
    pin(descendants(cpu.popen.pid), {core})
    beside = waits(yard.folder / "isolation-beside", note, count, PER_SECOND)
    yard.end(relay, io, cpu)
    return alone, beside


def _one_queue(yard: Yard, core: int) -> list[float]:
    """A tenth of the tasks, as it takes as long as they take."""
    path, count = yard.folder / "isolation-one", yard.times(50)
    worker = yard.stock_worker("--pool=prefork", "--concurrency=1")
    pin(descendants(worker.popen.pid), {core})
    yard.send_stock([("stock.spin", (SPIN_SECONDS,))] * yard.times(1000))
    for _ in range(count):
        yard.send_stock([("stock.note", (str(path), time.time()))])
    found = noted(path, count)
    yard.end(worker)
    return found
