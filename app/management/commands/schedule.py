from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from app.schedule.sync import sync_schedule


class Command(BaseCommand):
    help = "Bring the entries of app/schedule/entries.py into the tables that beat reads."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["sync"])

    def handle(self, **_: Any) -> None:
        synced = sync_schedule()
        for verb, names in vars(synced).items():
            for name in names:
                self.stdout.write(f"{verb} {name}")
        if not (synced.created or synced.changed or synced.removed):
            self.stdout.write("The schedule is as declared.")
