"""Queues and routes: the one home of every queue fact.

Everything that names a queue is derived from here: Celery's queues and routes, the broker's policies, a
worker's command line, metric labels, checks. To add a queue, add a ``QueueSpec``; to route a task, add a line
to ``ROUTES``.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

EXCHANGE = "tasks"
DEAD_LETTER_EXCHANGE = "tasks.dead"


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
    #: Messages held per slot. Above 1, a crash counts a delivery against messages that never ran.
    prefetch: int
    #: SoftTimeLimitExceeded is raised in the task.
    soft_limit_seconds: int
    #: The task is ended and its message redelivered.
    hard_limit_seconds: int
    #: The broker takes a message back that was not acknowledged for this long.
    consumer_timeout_seconds: int
    #: Failed deliveries (lost worker, hard limit) before the message is dead-lettered.
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
        """The task by which the wait in this queue is measured (app/metrics/canary.py)."""
        return f"metrics.canary.{self.name}"


IO = QueueSpec(
    name="io",
    purpose="waits for somebody else: mail, HTTP, the database",
    pool="threads",
    concurrency=100,
    prefetch=1,
    soft_limit_seconds=60,
    hard_limit_seconds=90,
    consumer_timeout_seconds=1800,
    delivery_limit=5,
    max_length=2_000_000,
    wait_objective_seconds=10,
)

CPU = QueueSpec(
    name="cpu",
    purpose="computes: reports, images, anything that keeps a core busy",
    pool="prefork",
    concurrency=2,
    prefetch=1,
    soft_limit_seconds=540,
    hard_limit_seconds=600,
    consumer_timeout_seconds=1800,
    delivery_limit=5,
    max_length=2_000_000,
    wait_objective_seconds=300,
)

QUEUES = {spec.name: spec for spec in (IO, CPU)}

#: Task-name pattern to queue name. A name without ``*`` wins over a pattern; of the patterns the first wins.
ROUTES = {
    "accounts.*": IO.name,
    "reports.mail_link": IO.name,
    "reports.*": CPU.name,
    "webhooks.*": IO.name,
    "tasks.*": IO.name,
    "celery.*": IO.name,
    **{spec.canary_task: spec.name for spec in QUEUES.values()},
}


def pattern_for(task_name: str) -> str | None:
    """The key of ROUTES that decides where ``task_name`` goes, by Celery's own order; None if none does."""
    if task_name in ROUTES:
        return task_name
    patterns = (pattern for pattern in ROUTES if "*" in pattern)
    return next((pattern for pattern in patterns if fnmatchcase(task_name, pattern)), None)


def queue_for(task_name: str) -> QueueSpec | None:
    """The queue that ``task_name`` is routed to, or None if no route matches or its queue is not declared."""
    pattern = pattern_for(task_name)
    return QUEUES.get(ROUTES[pattern]) if pattern else None


def queue_name(task_name: str) -> str:
    """The name of that queue, or an empty one."""
    spec = queue_for(task_name)
    return spec.name if spec else ""
