"""The role ``release``, which ends."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

from switchyard.ops.commands import schedule, topology
from switchyard.process import dependencies

#: Each a command, by name or its class, and its arguments.
STEPS: tuple[tuple[Any, ...], ...] = (
    ("migrate", "--noinput"),
    (topology.Command, "apply"),
    (schedule.Command, "sync"),
    ("check", "--deploy"),
)


class Command(BaseCommand):
    help = "Prepare a release: migrate, apply the broker topology, sync the schedule, check for deployment."

    def handle(self, **_: Any) -> None:
        dependencies.database_server()
        dependencies.broker()
        for command, *arguments in STEPS:
            name = command if isinstance(command, str) else command.__module__.rpartition(".")[2]
            self.stdout.write(self.style.MIGRATE_HEADING(f"== {' '.join([name, *arguments])}"))
            call_command(command if isinstance(command, str) else command(), *arguments)
