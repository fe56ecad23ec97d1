"""What three nodes cost beside one: the same course through a relay and a worker.

All nodes share this machine's cores with what they serve, and clients are at the node that leads the queue:
the table says what replicating takes, not what three machines give.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from app.queues import IO
from deploy.local.errors import LocalError
from tests.bench.backlog import NOOP, drain, mark
from tests.bench.cost import Cost
from tests.bench.figures import Figure, percentile
from tests.bench.waits import waits
from tests.bench.yard import Yard
from tests.live.processes import Processes
from tests.three import started

PART = "cluster"
TASKS = 10_000
PER_SECOND = 10


@dataclass(frozen=True)
class Course:
    relay: Cost
    worker: Cost
    #: Of all nodes, from the relay's publish to the worker's acknowledgement.
    broker_us: float
    waits: list[float]


def measure(yard: Yard) -> Iterator[Figure]:
    try:
        with _three(yard) as yard_of_three:
            three = _course(yard_of_three)
    except LocalError as error:
        print(f"{PART}: left out: {error}")
        return
    yield from _figures(three, _course(yard))


@contextmanager
def _three(yard: Yard) -> Iterator[Yard]:
    """The same yard with a cluster for its broker."""
    folder = yard.folder / "three"
    with started(folder) as three:
        addresses = {"BROKER_URL": three.url, "BROKER_MANAGEMENT_URL": three.management_url}
        processes = Processes(yard.processes.environment | addresses, folder)
        done = processes.run("topology", "apply")
        assert done.returncode == 0, done.stderr
        pids = [node.pid for node in three.nodes if node.pid]
        try:
            yield replace(yard, processes=processes, broker_pids=pids)
        finally:
            processes.end()


def _course(yard: Yard) -> Course:
    """A backlog through the relay, then through a worker, then a few tasks one by one through both."""
    first, last, count = yard.mark_path(), yard.mark_path(), yard.times(TASKS)
    relay = yard.processes.relay()
    drain(yard, relay, [(NOOP, 500)])
    broker_before = yard.broker_cpu_seconds()
    drained = drain(yard, relay, [(mark(first), 1), (NOOP, count), (mark(last), 1)])
    worker = yard.processes.worker(IO.name)
    begun, done = yard.reading(first), yard.reading(last)
    broker_used = yard.broker_cpu_seconds() - broker_before
    note = f"bench.{IO.name}_note"
    waited = waits(yard.folder / f"{last.name}-waits", note, yard.times(200), PER_SECOND)
    yard.end(relay, worker)
    return Course(
        relay=drained,
        worker=Cost.between(begun, done, count),
        broker_us=broker_used / count * 1e6,
        waits=waited,
    )


def _figures(three: Course, one: Course) -> Iterator[Figure]:
    def beside(what: str, value: float, unit: str, control: float) -> Figure:
        return Figure(PART, what, value, unit, control=control, control_is="one node")

    yield beside("relay's CPU a row", three.relay.cpu_us, "us", one.relay.cpu_us)
    yield beside("relay's rows a second", three.relay.per_second, "/s", one.relay.per_second)
    yield beside("worker's CPU a task", three.worker.cpu_us, "us", one.worker.cpu_us)
    yield beside("tasks a second", three.worker.per_second, "/s", one.worker.per_second)
    yield beside("broker's CPU a task, all nodes", three.broker_us, "us", one.broker_us)
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        here, there = percentile(three.waits, share) * 1000, percentile(one.waits, share) * 1000
        yield beside(f"enqueue to start at {PER_SECOND}/s, {name}", here, "ms", there)
