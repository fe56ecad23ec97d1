"""How the cost of a task grows with what waits, and with the number of worker processes."""

from collections.abc import Iterator

from app.queues import IO
from tests.bench.figures import Figure
from tests.bench.yard import WARM_UP, Yard

PART = "growth"
PROCESSES = (1, 2, 4)
DEPTHS = (1_000, 10_000, 100_000)
NOOP, MARK = f"bench.{IO.name}_noop", f"bench.{IO.name}_mark"


def measure(yard: Yard) -> Iterator[Figure]:
    for depth in DEPTHS:
        cpu, rate = _deep(yard, yard.times(depth))
        yield Figure(PART, f"CPU a task of the first 1,000, {yard.times(depth):,} waiting", cpu, "us")
        yield Figure(PART, f"tasks a second, {yard.times(depth):,} waiting", rate, "/s")
    for processes in PROCESSES:
        yield Figure(PART, f"tasks a second, {processes} workers", _many(yard, processes), "/s")


def _deep(yard: Yard, depth: int) -> tuple[float, float]:
    """The first tasks of a queue that is so deep: their cost should not know."""
    first, second = yard.mark_path(), yard.mark_path()
    count = min(1000, depth)
    yard.accept([(NOOP, (1, 2))] * WARM_UP + [(MARK, (str(first),))])
    yard.accept([(NOOP, (1, 2))] * count + [(MARK, (str(second),))])
    yard.accept([(NOOP, (1, 2))] * (depth - count))
    yard.relay_all()
    worker = yard.processes.worker(IO.name)
    begun, done = yard.reading(first), yard.reading(second)
    yard.end(worker)
    yard.purge()
    used, seconds = done["cpu_seconds"] - begun["cpu_seconds"], done["at"] - begun["at"]
    return used / count * 1e6, count / seconds


def _many(yard: Yard, processes: int) -> float:
    """Tasks a second that so many workers do together, from the first that begins to the last."""
    first, last, count = yard.mark_path(), yard.mark_path(), yard.times(5000) * processes
    yard.accept([(NOOP, (1, 2))] * WARM_UP * processes + [(MARK, (str(first),))])
    yard.accept([(NOOP, (1, 2))] * count + [(MARK, (str(last),))])
    workers = [yard.processes.worker(IO.name, f"--name=many-{number}") for number in range(processes)]
    yard.relay_all()
    begun, done = yard.reading(first), yard.reading(last)
    yard.end(*workers)
    yard.purge()
    return count / (done["at"] - begun["at"])
