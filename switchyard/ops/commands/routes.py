"""Shows where each task runs."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from switchyard.celery import tasks
from switchyard.ops.format import table
from switchyard.routing import queue_for
from switchyard.tasks.retries import backoff_of


class Command(BaseCommand):
    help = "Show where each task runs, within which limits (seconds), and how it is retried."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print a JSON list of objects")

    def handle(self, *, json: bool, **_: Any) -> None:
        routes = [_route(name, task) for name, task in tasks().items()]
        self.stdout.write(_as_json(routes) if json else table(routes))


def _route(name: str, task: Any) -> dict[str, Any]:
    spec = queue_for(name)
    return {
        "task": name,
        "queue": spec.name if spec else None,
        "pool": spec.pool if spec else None,
        "soft_limit": task.soft_time_limit,
        "hard_limit": task.time_limit,
        "max_retries": task.max_retries,
        "backoff": _waits(task),
        "retried_on": [error.__name__ for error in getattr(task, "autoretry_for", ())],
    }


def _waits(task: Any) -> str:
    backoff = backoff_of(task)
    return f"{backoff[0]}..{backoff[1]}" if backoff else str(task.default_retry_delay)


def _as_json(routes: list[dict[str, Any]]) -> str:
    return json.dumps(routes, indent=2)
