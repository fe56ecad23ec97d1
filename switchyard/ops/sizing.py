"""Computes what a load needs: worker pods, cores, connections, and room for what waits.

Queueing: tasks come at random and take about as long as said, so a queue with its slots is an M/M/c system.
Erlang's C formula gives the share of tasks that find all slots taken, and how long those wait
(L. Kleinrock, Queueing Systems 1, 3.4; computed by the recurrence of Erlang's B, which does not overflow).
"""

import math
from dataclasses import dataclass

from switchyard.queues import QueueSpec

#: Of the slots and of a core, at most so much is planned to be busy: what is above leaves no room.
BUSY_SHARE = 0.7
#: So much of the tasks begins within the queue's wait objective.
IN_TIME_SHARE = 0.99
#: Of pods, so many may be away at once: a node that is lost, one that drains.
SPARE_PODS = 1
#: More than this is no load that was measured here.
MOST_PODS = 10_000

#: Of the worker beside the task's own, in microseconds of CPU a task that waits; `make bench`, parts io and
#: cpu (tests/bench/RESULTS.md).
WORKER_US = {"threads": 335, "prefork": 1_100}


@dataclass(frozen=True, slots=True)
class Load:
    """What comes to one queue when it is busiest."""

    spec: QueueSpec
    #: Tasks a second.
    rate: float
    #: That one task takes.
    seconds: float
    #: Of one task's arguments.
    kilobytes: float = 1.0
    #: That one task computes itself, in milliseconds; where a queue computes, all of its seconds.
    cpu_ms: float = 0.0

    @property
    def busy_slots(self) -> float:
        return self.rate * self.seconds

    @property
    def busy_cores(self) -> float:
        own = self.seconds if self.spec.pool == "prefork" else self.cpu_ms / 1e3
        return self.rate * (own + WORKER_US[self.spec.pool] / 1e6)


@dataclass(frozen=True, slots=True)
class Need:
    """What one queue's load needs."""

    load: Load
    #: Pods, of which SPARE_PODS may be away.
    pods: int
    #: Why so many: ``slots``, ``wait`` or ``cores``.
    bound_by: str
    #: Of the slots, with the spare pods away.
    busy_share: float
    #: That 99 of 100 tasks do not wait longer than, with the spare pods away.
    wait_seconds: float
    #: Connections that its pods hold at most.
    database_connections: int
    broker_connections: int


def need(load: Load, pool_size: int) -> Need:
    """``pool_size`` is DATABASE_POOL_SIZE; raises ValueError for a load that no number of pods carries."""
    slots = load.spec.concurrency
    least = {
        "slots": math.ceil(load.busy_slots / (slots * BUSY_SHARE)),
        # A worker of threads has one core: Python's lock. One of processes has a core for each.
        "cores": math.ceil(load.busy_cores / (BUSY_SHARE * (1 if load.spec.pool == "threads" else slots))),
    }
    pods = max(1, *least.values())
    bound_by = max(least, key=lambda name: least[name])
    _refuse_beyond_measure(load, pods)
    while wait_seconds(load, pods * slots) > load.spec.wait_objective_seconds:
        pods, bound_by = pods + 1, "wait"
        _refuse_beyond_measure(load, pods)
    held = pods + SPARE_PODS
    return Need(
        load=load,
        pods=held,
        bound_by=bound_by,
        busy_share=load.busy_slots / (pods * slots),
        wait_seconds=wait_seconds(load, pods * slots),
        database_connections=held * _database_connections(load.spec, pool_size),
        broker_connections=held * _broker_connections(load.spec),
    )


def wait_seconds(load: Load, slots: int) -> float:
    """That IN_TIME_SHARE of the tasks do not wait longer than; infinity where more comes than is done."""
    free = slots - load.busy_slots
    if free <= 0:
        return math.inf
    waits = erlang_c(slots, load.busy_slots)
    if waits <= 1 - IN_TIME_SHARE:
        return 0.0
    return math.log(waits / (1 - IN_TIME_SHARE)) * load.seconds / free


def erlang_c(slots: int, busy: float) -> float:
    """The share of tasks that find all slots taken, of which ``busy`` are on average."""
    blocked = 1.0
    for number in range(1, slots + 1):
        blocked = busy * blocked / (number + busy * blocked)
    return blocked / (1 - busy / slots * (1 - blocked))


def _refuse_beyond_measure(load: Load, pods: int) -> None:
    if pods > MOST_PODS:
        raise ValueError(
            f"{load.spec.name}: more than {MOST_PODS} pods; say a smaller load, or give the queue more slots "
            "(concurrency in queues.py)"
        )


def _database_connections(spec: QueueSpec, pool_size: int) -> int:
    """The pool of a worker of threads, or one for each process; and that of the worker itself."""
    return ((pool_size or spec.concurrency) if spec.pool == "threads" else spec.concurrency) + 1


def _broker_connections(spec: QueueSpec) -> int:
    """One that reads, and one that sends for each process that runs tasks."""
    return 1 + (1 if spec.pool == "threads" else spec.concurrency)
