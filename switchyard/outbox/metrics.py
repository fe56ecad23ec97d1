"""Counts what handing a task over costs, what waits in the outbox, and what is in quarantine."""

from collections.abc import Iterator

from prometheus_client import Histogram
from prometheus_client.metrics_core import Metric

from switchyard.metric import PREFIX, gauge, labelled, queue_label
from switchyard.outbox.backlog import Backlog, backlogs, quarantined_count
from switchyard.routing import QUEUES

ENQUEUE_BUCKETS = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3)

#: In no registry: who serves metrics decides what is among them.
ENQUEUE = Histogram(
    f"{PREFIX}enqueue_seconds",
    "What a call that sends with the commit takes.",
    ["queue"],
    buckets=ENQUEUE_BUCKETS,
    registry=None,
)


_ENQUEUED = {queue: ENQUEUE.labels(queue) for queue in QUEUES}


def enqueued(queue: str, seconds: float) -> None:
    """A task, or a canvas whose first message is for this queue, was handed over."""
    (_ENQUEUED.get(queue) or ENQUEUE.labels(queue)).observe(seconds)


def read_outbox() -> tuple[list[Backlog], int]:
    """Raises django.db.Error."""
    return backlogs(), quarantined_count()


def outbox_metrics(read: tuple[list[Backlog], int] | None) -> Iterator[Metric]:
    """Of what ``read_outbox`` returned; None if it could not be read."""
    yield gauge("outbox_up", "Whether the outbox could be read.", read is not None)
    if read is None:
        return
    found, quarantined = read
    waiting: dict[str, float | None] = dict.fromkeys(QUEUES, 0.0)
    oldest: dict[str, float | None] = dict.fromkeys(QUEUES, 0.0)
    for backlog in found:
        queue = queue_label(backlog.queue)
        waiting[queue] = (waiting.get(queue) or 0.0) + backlog.waiting
        oldest[queue] = max(oldest.get(queue) or 0.0, backlog.oldest_seconds)
    yield labelled("outbox_waiting", "Messages that wait for the relay.", "queue", waiting)
    yield labelled("outbox_oldest_seconds", "Seconds since the oldest was accepted.", "queue", oldest)
    yield gauge("outbox_quarantined", "Messages in quarantine.", quarantined)
