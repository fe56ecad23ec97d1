"""Compares the broker with what is declared, and makes it so."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from switchyard.broker.apply import Changes, apply
from switchyard.broker.comparison import differences
from switchyard.broker.live import live_topology
from switchyard.broker.management import Management, ManagementError
from switchyard.broker.topology import declared, version_of
from switchyard.installation import identity
from switchyard.ops.commands.arguments import add_actions
from switchyard.ops.topology import objects, tables
from switchyard.outage import UNAVAILABLE, first_line

ACTIONS = {
    "show": "print what is declared, for the newest RabbitMQ, without asking a broker",
    "check": "compare the broker with what is declared, and change nothing",
    "apply": "make the broker like what is declared, without deleting a message",
}


class Command(BaseCommand):
    help = (
        "The broker's exchanges, queues, bindings and policies. Exit code: 0 as declared, 1 not as declared "
        "(apply: something could not be mended), 2 usage, 3 broker or management API away."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        actions = add_actions(parser, ACTIONS, as_json="print a JSON object")
        actions["apply"].add_argument(
            "--replace-empty",
            action="store_true",
            help="replace a classic queue that is in the way, if it is empty and unused",
        )
        actions["apply"].add_argument(
            "--take-over",
            action="store_true",
            help="make a vhost this installation's that is marked as another's",
        )

    def handle(self, *, action: str, as_json: bool = False, **options: Any) -> None:
        self.quiet = options["verbosity"] == 0
        if action == "show":
            topology = declared()
            self._say(_json(objects(topology.values())) if as_json else tables(topology))
            return
        try:
            with Management.from_settings() as management:
                if action == "check":
                    self._check(management, as_json=as_json)
                else:
                    allowed = {name: options[name] for name in ("replace_empty", "take_over")}
                    self._apply(management, as_json=as_json, **allowed)
        except ManagementError as error:
            raise CommandError(str(error), returncode=UNAVAILABLE) from error

    def _check(self, management: Management, *, as_json: bool) -> None:
        version = management.version()
        found = differences(declared(version_of(version), self._identity()), live_topology(management))
        broker = f"RabbitMQ {version} at {management}"
        if as_json:
            listed = [item.as_json() for item in found]
            self._say(_json({"broker": broker, "as_declared": not found, "differences": listed}))
        else:
            self._say("\n".join(map(str, found)) or f"{broker}: as declared.")
        if found:
            raise CommandError(f"{broker}: {len(found)} differences.", returncode=1)

    def _apply(self, management: Management, *, as_json: bool, **allowed: bool) -> None:
        changes = apply(management, identity=self._identity(), **allowed)
        self._say(_json(changes.as_json()) if as_json else _lines(changes))
        if changes.refused:
            raise CommandError(f"{management}: {len(changes.refused)} differences remain.", returncode=1)

    def _identity(self) -> str:
        """Without a database the rest is done all the same, by a laptop's or an operator's verb."""
        try:
            return identity()
        except Error as error:
            self.stderr.write(
                f"Whose vhost this is was not looked at: the database did not say who we are "
                f"({first_line(error)})."
            )
            return ""

    def _say(self, text: str) -> None:
        if not self.quiet:
            self.stdout.write(text)


def _json(value: Any) -> str:
    return json.dumps(value, indent=2)


def _lines(changes: Changes) -> str:
    """One line for each thing that was done or left, and one that counts them."""
    lines = [f"{verb} {what}" for verb, names in changes.done.items() for what in names]
    lines += [f"kept {item}" for item in changes.kept]
    lines += [f"refused {item}" for item in changes.refused]
    counts = [f"{len(names)} {verb}" for verb, names in changes.done.items()]
    return "\n".join([*lines, ", ".join([*counts, f"{changes.unchanged} unchanged."])])
