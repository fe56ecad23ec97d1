"""Brings the declared schedule to the database, and shows it."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from switchyard.ops.commands.arguments import add_actions
from switchyard.ops.format import table
from switchyard.routing import HOME
from switchyard.schedule.listing import listed, matching
from switchyard.schedule.sync import sync_schedule

ACTIONS = {
    "sync": f"bring the entries of SCHEDULE ({HOME}) into the tables that beat reads",
    "list": "show each entry, its rule for missed ticks, and when it was and will be due (UTC)",
}


class Command(BaseCommand):
    help = "The schedule that beat follows."

    def add_arguments(self, parser: CommandParser) -> None:
        add_actions(parser, ACTIONS)

    def handle(self, *, action: str, as_json: bool = False, **_: Any) -> None:
        if action == "sync":
            found: Any = vars(sync_schedule())
            text = _lines(found)
        else:
            found = listed(matching())
            text = table(found)
        self.stdout.write(json.dumps(found, indent=2) if as_json else text)


def _lines(synced: dict[str, list[str]]) -> str:
    lines = [f"{verb} {name}" for verb, names in synced.items() for name in names]
    return "\n".join(lines) or "The schedule is as declared."
