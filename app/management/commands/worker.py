import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from socket import gethostname
from threading import Thread
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from app import needs
from app.celery import app
from app.metrics.server import Server, listening
from app.queues import QUEUES, QueueSpec
from app.roles import worker_options
from app.tasks import metrics
from app.tasks.metrics import WorkerMetrics

log = structlog.get_logger("app.tasks")


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
        spec = QUEUES[queue]
        node_name = f"{name or queue}@{gethostname()}"
        needs.database()
        needs.broker()
        needs.topology(spec)
        needs.node_name(node_name)
        with _served(spec, concurrency or spec.concurrency):
            # Not by Celery's command line, whose shell and colours would be 8 MB in each worker.
            worker = app.Worker(**worker_options(spec, node_name, concurrency), loglevel=loglevel)
            _leave_alone_what_is_there()
            worker.start()
        if worker.exitcode:
            raise SystemExit(worker.exitcode)


@contextmanager
def _served(spec: QueueSpec, slots: int) -> Iterator[None]:
    """Answers scrapes in a thread of this process, and in no child of it."""
    worker_metrics = WorkerMetrics(spec, slots)
    with _server(worker_metrics) as server:
        metrics.serve(worker_metrics)
        # A child that outlives us must not keep the port.
        os.register_at_fork(after_in_child=server.socket.close)
        Thread(target=server.serve_forever, name="metrics", daemon=True).start()
        log.info("serving", metrics="{}:{}".format(*server.server_address[:2]))
        yield


def _server(worker_metrics: WorkerMetrics) -> Server:
    host, port = settings.BIND_ADDRESS, settings.WORKER_METRICS_PORT
    try:
        return listening(host, port, worker_metrics)
    except OSError as error:
        raise CommandError(
            f"The worker's metrics cannot listen on {host}:{port} ({error.strerror}). Set "
            "WORKER_METRICS_PORT (0 takes any free port) or BIND_ADDRESS."
        ) from error


def _leave_alone_what_is_there() -> None:
    """What has been imported stays: no collection needs to look at it, and no child to copy it for that.

    Collections were 8 % of a small task's CPU, and two children of a cpu worker had copied 30 MB.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)
