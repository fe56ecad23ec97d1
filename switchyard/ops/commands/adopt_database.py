"""Has a database that came from another installation be this one's."""

import getpass
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error as DatabaseError

from switchyard.identity.installation import Unnamed, foreign, installation
from switchyard.ops import adoption
from switchyard.ops.commands.arguments import add_actions
from switchyard.ops.format import table
from switchyard.outage import UNAVAILABLE, first_line

ACTIONS = {
    "show": "whose database it is, and what relay and beat would begin with",
    "discard": "empty the outbox and its quarantine, have nothing of the schedule missed, then adopt",
    "hold": "put what waits into quarantine, have nothing of the schedule missed, then adopt",
    "keep": "adopt it as it is: what waits is sent, and missed runs follow their entry's rule",
}
DEEDS = {"discard": adoption.discard, "hold": adoption.hold, "keep": adoption.keep}


class Command(BaseCommand):
    help = (
        "A database that came from another installation (a clone, a restore, a renamed one). Without --yes "
        "it only shows. Exit code: 0 done, or the database is these settings' own; 1 it is another's and was "
        "left so; 2 usage; 3 the database is away."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        actions = add_actions(parser, ACTIONS, as_json="print a JSON object")
        for name in DEEDS:
            actions[name].add_argument("--yes", action="store_true", help="do it")
            actions[name].add_argument(
                "--by", default="", help="who is recorded (default: the system's user)"
            )

    def handle(
        self, *, action: str, as_json: bool = False, yes: bool = False, by: str = "", **_: Any
    ) -> None:
        try:
            if action == "show" or not yes:
                self._show(as_json=as_json)
            else:
                self._adopt(action, by or getpass.getuser(), as_json=as_json)
        except DatabaseError as error:
            raise CommandError(
                f"The database is away: {first_line(error)}", returncode=UNAVAILABLE
            ) from error

    def _show(self, *, as_json: bool) -> None:
        found, why = adoption.contents(), foreign()
        if as_json:
            self.stdout.write(json.dumps(found | {"foreign": bool(why)}, indent=2))
        else:
            self.stdout.write(f"The database is of {found['database'] or 'nobody yet'}.")
            self.stdout.write(f"These settings are of {found['settings']}.")
            self.stdout.write(f"In the outbox:\n{table(found['outbox'])}")
            self.stdout.write(f"Due in the schedule:\n{table(found['due'])}")
        if why:
            raise CommandError(f"{why} Say discard, hold or keep, with --yes.", returncode=1)

    def _adopt(self, action: str, by: str, *, as_json: bool) -> None:
        if action == "discard" and not foreign():
            raise CommandError(
                f"This database is that of these settings, {installation()}; what waits in it is its own. "
                "`adopt-database hold` puts it into quarantine, where `outbox discard` deletes it.",
                returncode=1,
            )
        try:
            done = DEEDS[action](by)
        except Unnamed as refusal:
            raise CommandError(str(refusal), returncode=1) from refusal
        if as_json:
            said = {"adopted": action, "messages": done.messages, "entries": done.entries}
            self.stdout.write(json.dumps(said, indent=2))
            return
        self.stdout.write(f"The database is of {installation()} now ({action}).")
        self.stdout.write(f"{done.messages} messages, {done.entries} entries of the schedule.")
