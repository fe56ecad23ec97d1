"""What it costs a caller to hand its tasks over."""

from prometheus_client import Histogram

from switchyard.metric import PREFIX
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


for _queue in QUEUES:
    ENQUEUE.labels(_queue)


def enqueued(queue: str, seconds: float) -> None:
    """A task, or a canvas whose first message is for this queue, was handed over."""
    ENQUEUE.labels(queue).observe(seconds)
