"""Runs the role ``worker``."""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from socket import gethostname
from typing import Any

import structlog
from django.core.management.base import BaseCommand, CommandParser

from switchyard.celery import attached
from switchyard.metrics.server import serving
from switchyard.process import dependencies
from switchyard.process.exposure import refuse_exposed
from switchyard.queues import QueueSpec
from switchyard.routing import QUEUES
from switchyard.worker import metrics
from switchyard.worker.metrics import WorkerMetrics

log = structlog.get_logger("switchyard.tasks")


class Command(BaseCommand):
    help = (
        "Run the tasks of one queue; metrics on WORKER_METRICS_PORT. SIGTERM takes no more and finishes what "
        "has begun."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("queue", choices=QUEUES, help="the queue to serve")
        parser.add_argument("--concurrency", type=int, help="tasks at a time (default: the queue's own)")
        parser.add_argument("--name", help="name before the @ of the node name (default: the queue)")
        parser.add_argument("--loglevel", default="INFO", help="Celery's log level (default: INFO)")

    def handle(
        self, *, queue: str, concurrency: int | None, name: str | None, loglevel: str, **_: Any
    ) -> None:
        refuse_exposed()
        spec = QUEUES[queue]
        node_name = f"{name or queue}@{gethostname()}"
        dependencies.database()
        dependencies.broker()
        dependencies.topology(spec)
        dependencies.node_name(node_name)
        with _served(spec, concurrency or spec.concurrency):
            # Not by Celery's command line, whose shell and colours would be 8 MB in each worker.
            worker = attached().Worker(**worker_options(spec, node_name, concurrency), loglevel=loglevel)
            _leave_alone_what_is_there()
            worker.start()
        if worker.exitcode:
            raise SystemExit(worker.exitcode)


@contextmanager
def _served(spec: QueueSpec, slots: int) -> Iterator[None]:
    """Answers scrapes in a thread of this process, and in no child of it."""
    worker_metrics = WorkerMetrics(spec, slots)
    with serving("the worker", "WORKER_METRICS_PORT", worker_metrics) as server:
        metrics.serve(worker_metrics)
        # A child that outlives us must not keep the port.
        os.register_at_fork(after_in_child=server.socket.close)
        log.info("serving", metrics=str(server))
        yield


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


def _leave_alone_what_is_there() -> None:
    """What has been imported stays: no collection needs to look at it, and no child to copy it for that.

    Collections were 8 % of a small task's CPU, and two children of a cpu worker had copied 30 MB.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)
