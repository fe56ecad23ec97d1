"""Shows which task, and which of its arguments, fills the slots now."""

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from switchyard.ops.commands.arguments import positive
from switchyard.ops.format import duration, table
from switchyard.ops.slots import ANSWER_SECONDS, groups, running
from switchyard.outage import NotYet, Unavailable


class Command(BaseCommand):
    help = (
        "What fills the slots now, as workers answer: by task, by task and arguments (whom it is for), and "
        "the longest running ones. Exit code: 0 done, 2 usage, 3 the broker is away, or no worker answers."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--limit", type=positive, default=10, help="lines of each table (default: 10)")
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")

    def handle(self, *, limit: int, as_json: bool, **_: Any) -> None:
        try:
            workers, found = running()
        except NotYet as away:
            raise Unavailable(str(away)) from away
        if not workers:
            raise Unavailable(
                f"No worker answered within {ANSWER_SECONDS:g} s: none runs, or all of them hang."
            )
        by = {what: groups(found, what)[:limit] for what in ("task", "key")}
        if as_json:
            longest = [asdict(each) for each in found[:limit]]
            said = {"workers": workers, "busy": len(found), "by_task": by["task"], "by_key": by["key"]}
            self.stdout.write(json.dumps(said | {"longest": longest}, indent=2))
            return
        rows = [asdict(each) | {"seconds": duration(each.seconds)} for each in found[:limit]]
        parts = [
            f"{workers} workers answered, which one that hangs does not; {len(found)} slots are busy.",
            *map(table, by.values()),
            table(rows),
        ]
        self.stdout.write("\n\n".join(parts))
