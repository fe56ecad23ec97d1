"""Brings the declared schedule to the database, and shows it."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from switchyard.ops.format import table
from switchyard.routing import HOME
from switchyard.schedule.listing import listed
from switchyard.schedule.sync import sync_schedule


class Command(BaseCommand):
    help = "The schedule that beat follows."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        text = f"bring the entries of SCHEDULE ({HOME}) into the tables that beat reads"
        actions.add_parser("sync", help=text, description=text)
        text = "show each entry, its rule for missed ticks, and when it was and will be due (UTC)"
        show = actions.add_parser("list", help=text, description=text)
        show.add_argument("--json", action="store_true", dest="as_json", help="print a JSON list of objects")

    def handle(self, *, action: str, as_json: bool = False, **_: Any) -> None:
        if action == "sync":
            self._sync()
        else:
            rows = listed()
            self.stdout.write(json.dumps(rows, indent=2) if as_json else table(rows))

    def _sync(self) -> None:
        synced = sync_schedule()
        for verb, names in vars(synced).items():
            for name in names:
                self.stdout.write(f"{verb} {name}")
        if not (synced.created or synced.changed or synced.removed):
            self.stdout.write("The schedule is as declared.")
