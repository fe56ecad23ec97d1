from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

from app import needs


class Command(BaseCommand):
    help = "Prepare a release: migrate, apply the broker topology, sync the schedule, check for deployment."

    def handle(self, **_: Any) -> None:
        needs.database_server()
        needs.broker()
        for step in (
            ["migrate", "--noinput"],
            ["topology", "apply"],
            ["schedule", "sync"],
            ["check", "--deploy"],
        ):
            self.stdout.write(self.style.MIGRATE_HEADING(f"== {' '.join(step)}"))
            call_command(*step)
