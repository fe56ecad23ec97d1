"""The roles of the image and the command line each becomes. No Django here: it runs before settings."""

from typing import Any

from app.queues import QUEUES, QueueSpec

#: Connections of a process that runs many threads. A thread holds one only between its first query and the
#: end of its task, or the next released_database().
POOL_SIZE = "10"


def environment(argv: list[str]) -> dict[str, str]:
    """What a role sets in the environment unless the operator has: threads share a pool of connections."""
    match argv:
        case ["worker", queue, *_] if queue in QUEUES and QUEUES[queue].pool == "threads":
            return {"DATABASE_POOL_SIZE": POOL_SIZE}
        case ["web", *_]:
            return {"DATABASE_POOL_SIZE": POOL_SIZE}
    return {}


def worker_options(spec: QueueSpec, node_name: str, concurrency: int | None = None) -> dict[str, Any]:
    """Celery's options for the worker of one queue, by the names of its command line.

    Gossip, mingle and event heartbeats are off: each publishes from the loop that also acknowledges, and
    blocks it while the broker blocks publishers.
    """
    return {
        "quiet": True,
        "queues": [spec.name],
        "hostname": node_name,
        "pool_cls": spec.pool,
        "concurrency": concurrency or spec.concurrency,
        "prefetch_multiplier": spec.prefetch,
        "without_gossip": True,
        "without_mingle": True,
        "without_heartbeat": True,
    }
