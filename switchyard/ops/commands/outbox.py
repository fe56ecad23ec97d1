"""Counts what waits for the relay, and looks after what is in quarantine."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error as DatabaseError

from switchyard.ops.commands.arguments import add_actions, positive
from switchyard.ops.format import amount, duration, table
from switchyard.outage import UNAVAILABLE
from switchyard.outbox.backlog import Backlog, backlogs
from switchyard.outbox.quarantine import Filters, as_object, discard, quarantined, requeue

ACTIONS = {
    "status": "count what waits, and show what is in quarantine",
    "requeue": "have the relay publish messages of the quarantine again",
    "discard": "delete messages of the quarantine for good; without --yes only say which",
}
#: Lines shown of the messages that are meant; all are counted.
SHOWN = 20


class Command(BaseCommand):
    help = (
        "Messages that wait for the relay, and those in quarantine. Exit code: 0 done, 1 status: something "
        "is in quarantine, requeue and discard: nothing matched, 2 usage, 3 the database is away."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        actions = add_actions(parser, ACTIONS, as_json="print a JSON object")
        for action in actions.values():
            _add_filters(action)
        actions["discard"].add_argument("--yes", action="store_true", help="delete them")

    def handle(self, *, action: str, as_json: bool = False, yes: bool = False, **options: Any) -> None:
        filters = Filters(tuple(options["keys"]), options["task"], options["reason"], options["limit"])
        try:
            match action:
                case "status":
                    self._status(filters, as_json=as_json)
                case "requeue":
                    self._act("requeued", requeue(filters), as_json=as_json)
                case "discard" if yes:
                    self._act("discarded", discard(filters), as_json=as_json)
                case _:
                    self._dry_run(filters, as_json=as_json)
        except DatabaseError as error:
            first_line = str(error).strip().partition("\n")[0]
            raise CommandError(f"The database is away: {first_line}", returncode=UNAVAILABLE) from error

    def _status(self, filters: Filters, *, as_json: bool) -> None:
        waiting = backlogs()
        count = quarantined(filters).count()
        if as_json:
            shown = [as_object(message) for message in quarantined(filters)]
            self._say({"waiting": list(map(_line, waiting)), "quarantined": count, "messages": shown})
        else:
            rows = [
                {"queue": each.queue, "waiting": amount(each), "oldest": duration(each.oldest_seconds)}
                for each in waiting
            ]
            self.stdout.write(f"Waiting for the relay:\n{table(rows)}\n")
            self.stdout.write(f"In quarantine: {count}")
            self._show(filters, count)
        if count:
            raise CommandError(f"{count} messages are in quarantine.", returncode=1)

    def _act(self, done: str, count: int, *, as_json: bool) -> None:
        if as_json:
            self._say({done: count})
        else:
            self.stdout.write(f"{count} messages {done}.")
        if not count:
            raise CommandError("No message of the quarantine matched.", returncode=1)

    def _dry_run(self, filters: Filters, *, as_json: bool) -> None:
        count = quarantined(filters).count()
        if as_json:
            shown = [as_object(message) for message in quarantined(filters)]
            self._say({"would_discard": count, "messages": shown})
        else:
            self._show(filters, count)
            self.stdout.write(f"{count} messages would be discarded. Say --yes to delete them for good.")
        if not count:
            raise CommandError("No message of the quarantine matched.", returncode=1)

    def _show(self, filters: Filters, count: int) -> None:
        if count:
            self.stdout.write(table([as_object(message) for message in quarantined(filters)[:SHOWN]]))
        if count > SHOWN:
            self.stdout.write(f"... and {count - SHOWN} more (--json lists all).")

    def _say(self, value: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(value, indent=2))


def _line(backlog: Backlog) -> dict[str, Any]:
    return asdict(backlog) | {"oldest_seconds": round(backlog.oldest_seconds, 1)}


def _add_filters(parser: ArgumentParser) -> None:
    parser.add_argument("--id", type=int, action="append", default=[], dest="keys", help="only this one")
    parser.add_argument("--task", default="", help="only of tasks whose name contains this")
    parser.add_argument("--reason", default="", help="only those whose reason contains this")
    parser.add_argument("--limit", type=positive, help="at most so many, the oldest first")
