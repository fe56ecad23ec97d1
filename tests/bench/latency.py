"""How soon a task starts on a system that has nothing else to do."""

from collections.abc import Iterator

from app.queues import IO
from tests.bench.figures import Figure, percentile
from tests.bench.waits import waits
from tests.bench.yard import Yard

PART = "latency"
PER_SECOND = 5


def measure(yard: Yard) -> Iterator[Figure]:
    relay = yard.processes.relay()
    worker = yard.processes.worker(IO.name)
    note = f"bench.{IO.name}_note"
    waits(yard.folder / "latency-warm", note, 20, PER_SECOND)
    found = waits(yard.folder / "latency", note, yard.times(200), PER_SECOND)
    yield Figure(PART, "enqueue to start, idle, p50", percentile(found, 0.5) * 1000, "ms", reach=12)
    yield Figure(PART, "enqueue to start, idle, p99", percentile(found, 0.99) * 1000, "ms", reach=40)
    yard.end(relay, worker)
