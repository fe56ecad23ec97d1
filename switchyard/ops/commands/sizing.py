"""Says what a load needs: pods, cores, connections and disk."""

import json
from argparse import ArgumentTypeError
from collections.abc import Sequence
from dataclasses import asdict
from difflib import get_close_matches
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from switchyard.conf import conf
from switchyard.ops.format import duration, table
from switchyard.ops.sizing import BUSY_SHARE, IN_TIME_SHARE, SPARE_PODS, Load, Need, need
from switchyard.ops.waiting import Room, relays, room
from switchyard.routing import QUEUES

#: What is said of a queue's load, and whether it must be.
FACTS = {"rate": True, "seconds": True, "kilobytes": False, "cpu_ms": False}


class Command(BaseCommand):
    help = (
        "What a load needs: pods, cores, connections, and room for what waits. Say what comes to each queue "
        "when it is busiest."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "loads",
            nargs="+",
            type=load,
            metavar="QUEUE:rate=N,seconds=N[,kilobytes=N][,cpu_ms=N]",
            help="tasks a second, what one takes, its arguments (1 kB), and its own computing (0 ms)",
        )
        parser.add_argument(
            "--hours", type=hours, default=1.0, help="without workers, or without the broker (1)"
        )
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")

    def handle(self, *, loads: Sequence[Load], hours: float, as_json: bool, **_: Any) -> None:
        names = [each.spec.name for each in loads]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise CommandError(f"{twice[0]}: said twice; say each queue's whole load once.", returncode=2)
        try:
            needs = [need(each, conf.POOL_SIZE) for each in loads]
        except ValueError as error:
            raise CommandError(str(error), returncode=2) from error
        kept = room(loads, hours)
        write = _as_json if as_json else _as_text
        self.stdout.write(write(needs, kept, relays(loads)))


def load(text: str) -> Load:
    name, _, said = text.partition(":")
    if name not in QUEUES:
        raise ArgumentTypeError(f"there is no queue {name!r}; there are {', '.join(QUEUES)}")
    facts: dict[str, float] = {}
    for part in filter(None, said.split(",")):
        fact, _, value = part.partition("=")
        if fact not in FACTS:
            near = get_close_matches(fact, FACTS, 1) or [", ".join(FACTS)]
            raise ArgumentTypeError(f"{name}: there is no {fact!r}; did you mean {near[0]}?")
        if fact in facts:
            raise ArgumentTypeError(f"{name}: {fact} is said twice")
        facts[fact] = _number(f"{name}: {fact}", value)
    if missing := [fact for fact, needed in FACTS.items() if needed and fact not in facts]:
        raise ArgumentTypeError(f"{name}: say {' and '.join(missing)} too, as {name}:rate=20,seconds=0.3")
    return Load(QUEUES[name], **facts)


def hours(text: str) -> float:
    return _number("--hours", text)


def _number(what: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1e9:
        raise ArgumentTypeError(f"{what}: expected a number from 0, got {text!r}")
    return number


def _as_text(needs: Sequence[Need], kept: Room, relay: int) -> str:
    time = duration(kept.hours * 3600)
    broker, database = _size(kept.broker_disk), _size(kept.database_disk)
    spare = (
        f"With {SPARE_PODS} pod of each away, {BUSY_SHARE:.0%} of the slots and cores at most are busy, and "
        f"{IN_TIME_SHARE:.0%} of the tasks begin within the wait shown."
    )
    return "\n".join(
        [
            table([_row(each) for each in needs]),
            "",
            spare,
            f"relay: {relay} pods, of which 1 may be away.",
            f"{time} without workers: {kept.messages:,} messages, {broker} on each broker node.",
            f"{time} without the broker: they wait in the outbox, {database} in the database.",
            *(
                f"{name} is full before that (max_length); the rest waits in the outbox."
                for name in kept.full
            ),
        ]
    )


def _row(found: Need) -> dict[str, Any]:
    return {
        "queue": found.load.spec.name,
        "pods": found.pods,
        "because of": found.bound_by,
        "busy": f"{found.busy_share:.0%}",
        "wait": duration(found.wait_seconds),
        "cores": round(found.load.busy_cores, 2),
        "database connections": found.database_connections,
        "broker connections": found.broker_connections,
    }


def _as_json(needs: Sequence[Need], kept: Room, relay: int) -> str:
    queues = [
        {"queue": each.load.spec.name, "cores": each.load.busy_cores}
        | {name: value for name, value in asdict(each).items() if name != "load"}
        for each in needs
    ]
    return json.dumps({"queues": queues, "relay_pods": relay, "room": asdict(kept)}, indent=2)


def _size(number: int) -> str:
    return f"{number / 1e9:.1f} GB" if number >= 1e9 else f"{number / 1e6:.0f} MB"
