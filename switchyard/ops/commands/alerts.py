"""Lists what the alerts would say now, and explains one."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from switchyard.alerts.condition import Readings
from switchyard.alerts.declared import ALERTS, BY_NAME
from switchyard.alerts.explanation import Explained, by_own_look, by_prometheus, would_come
from switchyard.alerts.prometheus import Prometheus, PrometheusError
from switchyard.alerts.readings import own_look
from switchyard.broker.management import ManagementError
from switchyard.conf import conf
from switchyard.ops.commands.arguments import add_actions
from switchyard.outage import UNAVAILABLE

ACTIONS = {
    "list": "which hold now, by a look of our own",
    "explain": "the value, the threshold, since when, and what would end it",
}


class Command(BaseCommand):
    help = (
        "What the alerts say now: by the Prometheus of PROMETHEUS_URL, or by a look of our own. Exit code: 0 "
        "none holds, 1 one does, 2 usage, 3 nobody can say."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        actions = add_actions(parser, ACTIONS, as_json="print a JSON object")
        actions["explain"].add_argument("name", metavar="NAME", help="of the alert, as QueueGrowing")

    def handle(self, *, action: str, as_json: bool = False, name: str = "", **_: Any) -> None:
        if action == "list":
            self._list(as_json=as_json)
            return
        found = self._explained(name)
        said = json.dumps({"alert": name, "holds": found.fires, "says": found.lines}, indent=2)
        self.stdout.write(said if as_json else "\n".join(found.lines))
        _end(name, found.fires)

    def _list(self, *, as_json: bool) -> None:
        holding, unknown = would_come(_look())
        if as_json:
            self.stdout.write(json.dumps({"hold": list(map(str, holding)), "not_known": unknown}, indent=2))
        else:
            lines = [
                f"{state} holds; `{conf.COMMAND} alerts explain {state.alert.name}`" for state in holding
            ]
            lines += [f"{name}: nobody can say" for name in unknown]
            lines.append(f"{len(ALERTS)} alerts looked at; those about the past only Prometheus can tell.")
            self.stdout.write("\n".join(lines))
        _end("One", True if holding else None if unknown else False)

    def _explained(self, name: str) -> Explained:
        if conf.PROMETHEUS_URL:
            found = self._by_prometheus(name)
            if found:
                return found
        if name in BY_NAME:
            return by_own_look(name, _look())
        where = "that Prometheus has no such alert" if conf.PROMETHEUS_URL else "PROMETHEUS_URL is not set"
        raise CommandError(
            f"{name}: no look of our own tells it, and {where}. Those of our own: {', '.join(BY_NAME)}.",
            returncode=UNAVAILABLE if not conf.PROMETHEUS_URL else 2,
        )

    def _by_prometheus(self, name: str) -> Explained | None:
        try:
            with Prometheus(conf.PROMETHEUS_URL) as prometheus:
                return by_prometheus(prometheus, name)
        except PrometheusError as error:
            if name not in BY_NAME:
                raise CommandError(str(error), returncode=UNAVAILABLE) from error
            self.stderr.write(str(error))
            return None


def _look() -> Readings:
    try:
        return own_look()
    except ManagementError as error:
        raise CommandError(str(error), returncode=UNAVAILABLE) from error


def _end(name: str, holds: bool | None) -> None:
    if holds is None:
        raise CommandError(f"{name}: nobody can say.", returncode=UNAVAILABLE)
    if holds:
        raise CommandError(f"{name}: holds.", returncode=1)
