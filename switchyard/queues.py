"""Defines a queue: its worker, its limits and its names on the broker."""

from dataclasses import dataclass
from typing import Literal

EXCHANGE = "tasks"
DEAD_LETTER_EXCHANGE = "tasks.dead"
#: Takes what no binding leads to a queue, unless its publisher can be told (switchyard/broker/topology.py).
UNROUTABLE_EXCHANGE = "tasks.unroutable"
#: The queue behind it. What is there waits for a person, as dead letters do.
UNROUTABLE = "unroutable"
#: No queue of a project's can have these names: its policy would be that of the broker's own
#: (switchyard/broker/policies.py).
RESERVED = {UNROUTABLE, "delayed"}


@dataclass(frozen=True, slots=True)
class QueueSpec:
    """One queue, the worker that serves it, and the bounds of both. Durations are seconds."""

    #: One word: it is also the routing key, and a dotted key would be delivered twice by delayed delivery.
    name: str
    #: What belongs here, for the person who has to choose.
    purpose: str
    #: Celery's worker pool: threads for work that waits, prefork for work that computes.
    pool: Literal["threads", "prefork"]
    #: Tasks that one worker runs at a time.
    concurrency: int
    #: Messages held per slot. Above 1, some wait behind a long task while another worker is free.
    prefetch: int
    #: SoftTimeLimitExceeded is raised in the task.
    soft_limit_seconds: int
    #: The task is ended and its message redelivered.
    hard_limit_seconds: int
    #: The broker takes a message back that was not acknowledged for this long.
    consumer_timeout_seconds: int
    #: Runs that may lose their process or pass the hard limit; after one more the message is dead-lettered.
    delivery_limit: int
    #: Messages the queue holds before it refuses publishes.
    max_length: int
    #: How long a message may wait before somebody should know.
    wait_objective_seconds: int

    @property
    def dead_letter_queue(self) -> str:
        return f"{self.name}.dead"

    @property
    def canary_task(self) -> str:
        """The task by which the wait in this queue is measured (switchyard/metrics/canary.py)."""
        return f"switchyard.canary.{self.name}"
