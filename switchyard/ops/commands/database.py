"""Shows who is at the database and who waits for whom, and ends a session."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from switchyard.conf import conf
from switchyard.ops.commands.arguments import add_actions
from switchyard.ops.format import table
from switchyard.outage import UNAVAILABLE, first_line
from switchyard.postgresql import sessions
from switchyard.postgresql.limits import limited

ACTIONS = {
    "sessions": "who is there, the oldest transaction first, with what is prepared and who replicates",
    "locks": "who waits for a lock, and who is in the way",
    "end": "end a session; what it has not committed is lost. Without --yes only say whose it is",
}


class Command(BaseCommand):
    help = (
        "The sessions of the database, each by user, role, pod and address; values in queries "
        "are hidden. Exit code: 0 done (locks: nobody waits), 1 locks: somebody waits, end: there is no such "
        "session, 2 usage, 3 the database is away."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        actions = add_actions(parser, ACTIONS)
        actions["end"].add_argument("pid", type=int, metavar="PID")
        actions["end"].add_argument("--yes", action="store_true", help="do it")

    def handle(
        self, *, action: str, as_json: bool = False, pid: int = 0, yes: bool = False, **_: Any
    ) -> None:
        self.as_json = as_json
        try:
            with limited():
                match action:
                    case "sessions":
                        self._sessions()
                    case "locks":
                        self._locks()
                    case _:
                        self._end(pid, yes=yes)
        except Error as error:
            said = f"The database did not say it: {first_line(error)}"
            raise CommandError(said, returncode=UNAVAILABLE) from error

    def _sessions(self) -> None:
        found = {"sessions": sessions.sessions(), "prepared": sessions.prepared(), "slots": sessions.slots()}
        heads = {"prepared": "Prepared transactions, which no session has:", "slots": "Replication slots:"}
        texts = ["\n".join([*filter(None, [heads.get(name)]), table(rows)]) for name, rows in found.items()]
        self.stdout.write(json.dumps(found, indent=2) if self.as_json else "\n\n".join(texts))

    def _locks(self) -> None:
        found = sessions.waiting()
        self.stdout.write(json.dumps(found, indent=2) if self.as_json else table(found))
        if found:
            raise CommandError(
                f"{len(found)} wait. `{conf.COMMAND} database end PID --yes` ends who is in the way.",
                returncode=1,
            )

    def _end(self, pid: int, *, yes: bool) -> None:
        owner = sessions.owner_of(pid)
        if not owner:
            raise CommandError(f"No session of this database has the pid {pid}.", returncode=1)
        ended = sessions.end(pid) if yes else False
        if self.as_json:
            self.stdout.write(json.dumps({"pid": pid, "who": owner, "ended": ended}, indent=2))
        else:
            self.stdout.write(f"{'Ended' if ended else 'Would end'} {pid} ({owner}).")
