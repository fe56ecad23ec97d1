"""What a task costs a worker on threads, and how near waiting work comes to the limit of its slots."""

from collections.abc import Iterator
from typing import Any

from app.queues import IO
from tests.bench.cost import Cost
from tests.bench.figures import Figure
from tests.bench.yard import WARM_UP, Yard

PART = "io worker"
SLOTS = 200
WAIT_SECONDS = 0.1
Calls = list[tuple[str, tuple[Any, ...]]]


def measure(yard: Yard) -> Iterator[Figure]:
    ours, theirs = _ours(yard), _stocks(yard)
    control = "threads"
    yield Figure(PART, "CPU a no-op task", ours["cpu"], "us", 250, control=theirs["cpu"], control_is=control)
    yield Figure(PART, "no-op tasks a second", ours["rate"], "/s", control=theirs["rate"], control_is=control)
    yield Figure(
        PART,
        f"waits of {WAIT_SECONDS} s a second, {SLOTS} slots",
        ours["waits"],
        "/s",
        reach=1900,
        more=True,
        control=theirs["waits"],
        control_is=control,
    )
    yield Figure(PART, "memory", ours["memory"], "MB", 60, control=theirs["memory"], control_is=control)


def _ours(yard: Yard) -> dict[str, float]:
    noops, waits = yard.times(3000), yard.times(6000)
    paths = [yard.mark_path() for _ in range(4)]
    yard.accept(_course(f"bench.{IO.name}_", paths, noops, waits))
    yard.relay_all()
    worker = yard.processes.worker(IO.name, f"--concurrency={SLOTS}")
    readings = [yard.reading(path) for path in paths]
    yard.end(worker)
    return _figures(readings, noops, waits)


def _stocks(yard: Yard) -> dict[str, float]:
    noops, waits = yard.times(3000), yard.times(6000)
    paths = [yard.mark_path() for _ in range(4)]
    yard.send_stock(_course("stock.", paths, noops, waits))
    worker = yard.stock_worker("--pool=threads", f"--concurrency={SLOTS}")
    readings = [yard.reading(path) for path in paths]
    yard.end(worker)
    return _figures(readings, noops, waits)


def _course(prefix: str, paths: list[Any], noops: int, waits: int) -> Calls:
    noop, wait, mark = f"{prefix}noop", f"{prefix}wait", f"{prefix}mark"
    first, second, third, fourth = ((mark, (str(path),)) for path in paths)
    nothing: Calls = [(noop, (1, 2))]
    waiting: Calls = [(wait, (WAIT_SECONDS,))]
    return [
        *nothing * WARM_UP,
        first,
        *nothing * noops,
        second,
        *waiting * SLOTS,
        third,
        *waiting * waits,
        fourth,
    ]


def _figures(readings: list[dict[str, Any]], noops: int, waits: int) -> dict[str, float]:
    first, second, third, fourth = readings
    each = Cost.between(first, second, noops)
    return {
        "cpu": each.cpu_us,
        "rate": each.per_second,
        "waits": Cost.between(third, fourth, waits).per_second,
        "memory": fourth["memory_mb"],
    }
