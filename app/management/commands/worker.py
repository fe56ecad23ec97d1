from socket import gethostname
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from app import needs
from app.celery import app
from app.queues import QUEUES
from app.roles import worker_arguments


class Command(BaseCommand):
    help = "Run the tasks of one queue. SIGTERM takes no more and finishes what has begun."

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
        app.worker_main([*worker_arguments(spec, node_name, concurrency), f"--loglevel={loglevel}"])
