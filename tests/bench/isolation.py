"""Whether waiting work feels the computing work: io's waits beside 10,000 waiting cpu tasks.

The workers are pinned to a core each, as the manifests' CPU requests would have it. The control is what the
two queues are there for: the same tasks in one queue, for one worker.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

from app.queues import CPU, IO
from tests.bench.figures import Figure, percentile
from tests.bench.waits import noted, waits
from tests.bench.yard import Yard
from tests.live.processes import Process

PART = "isolation"
PER_SECOND = 50
SPIN_SECONDS = 0.02


def measure(yard: Yard) -> Iterator[Figure]:
    count, waiting = yard.times(500), yard.times(10_000)
    relay = yard.processes.relay()
    io = yard.processes.worker(IO.name)
    _pin(io, 0)
    note = f"bench.{IO.name}_note"
    waits(yard.folder / "isolation-warm", note, 50, PER_SECOND)
    alone = waits(yard.folder / "isolation-alone", note, count, PER_SECOND)
    yard.accept([(f"bench.{CPU.name}_spin", (SPIN_SECONDS,))] * waiting)
    yard.until_relayed()
    cpu = yard.processes.worker(CPU.name, "--concurrency=1")
    _pin(cpu, -1)
    beside = waits(yard.folder / "isolation-beside", note, count, PER_SECOND)
    yard.end(relay, io, cpu)
    one = _one_queue(yard)
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


def _one_queue(yard: Yard) -> list[float]:
    """A tenth of the tasks, as it takes as long as they take."""
    path, count = yard.folder / "isolation-one", yard.times(50)
    worker = yard.stock_worker("--pool=prefork", "--concurrency=1")
    _pin(worker, -1)
    yard.send_stock([("stock.spin", (SPIN_SECONDS,))] * yard.times(1000))
    for _ in range(count):
        yard.send_stock([("stock.note", (str(path), time.time()))])
    found = noted(path, count)
    yard.end(worker)
    return found


def _pin(process: Process, core: int) -> None:
    """The process and what it has started already; what it starts later inherits it."""
    cores = sorted(os.sched_getaffinity(0))
    for pid in _threads(process.popen.pid):
        os.sched_setaffinity(pid, {cores[core]})


def _threads(pid: int) -> list[int]:
    from tests.bench.gauge import family

    return [int(thread.name) for each in family(pid) for thread in Path(f"/proc/{each}/task").iterdir()]
