"""The role ``beat``."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from switchyard.celery import attached
from switchyard.process import dependencies


class Command(BaseCommand):
    help = "Send what the schedule says is due. A second one stands by."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--loglevel", default="INFO", help="Celery's log level (default: INFO)")

    def handle(self, *, loglevel: str, **_: Any) -> None:
        dependencies.database()
        attached().start(["beat", "--pidfile=", f"--loglevel={loglevel}"])
