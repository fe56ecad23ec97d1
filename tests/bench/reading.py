"""What a task costs a worker that reads by the C client, beside one that reads by py-amqp."""

from collections.abc import Iterator
from typing import Any

from app.queues import IO
from switchyard.broker.drivers import SAME_BY_C
from tests.bench.cost import Cost
from tests.bench.figures import Figure
from tests.bench.yard import WARM_UP, Yard

PART = "C client"
SLOTS = 200
REACH = 0.75
#: The slots that wait meanwhile; the size of the argument, in bytes; how often.
CASES = ((0, 0, 6000), (100, 0, 6000), (0, 1_000, 4000), (0, 100_000, 300), (0, 900_000, 60))
#: Longer than it takes: they are ended with their worker.
WAIT_SECONDS = 100


def measure(yard: Yard) -> Iterator[Figure]:
    for busy, size, usual in CASES:
        count = yard.times(usual)
        theirs, ours = (_cost(yard, url, busy, size, count) for url in ("", SAME_BY_C))
        what = f"argument of {size:,} bytes" if size else "no-op"
        yield Figure(
            PART,
            f"CPU a task over py-amqp's, {what}, {busy} slots busy",
            ours / theirs,
            "x",
            None if size else REACH,
            control=theirs,
            control_is="us, py-amqp",
        )


def _cost(yard: Yard, read_url: str, busy: int, size: int, count: int) -> float:
    """Microseconds of CPU."""
    noop, wait, mark = (f"bench.{IO.name}_{name}" for name in ("noop", "wait", "mark"))
    first, second = yard.mark_path(), yard.mark_path()
    nothing: list[tuple[str, tuple[Any, ...]]] = [(noop, (1, "x" * size))]
    yard.accept(
        [
            *nothing * WARM_UP,
            *[(wait, (WAIT_SECONDS,))] * busy,
            (mark, (str(first),)),
            *nothing * count,
            (mark, (str(second),)),
        ]
    )
    yard.relay_all()
    worker = yard.processes.worker(IO.name, f"--concurrency={SLOTS}", env={"BROKER_READ_URL": read_url})
    begun, done = yard.reading(first), yard.reading(second)
    yard.end(worker)
    yard.purge()
    return Cost.between(begun, done, count).cpu_us
