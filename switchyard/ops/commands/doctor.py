"""Examines the service, and says what mends what is not well."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from switchyard.doctor.bundle import bundle
from switchyard.doctor.examination import CODES, examined, lines, worst

#: Instead of a file: to the caller, as out of a pod whose disk is read-only.
OUTPUT = "-"


class Command(BaseCommand):
    help = (
        "Look at versions, servers, rights, clocks, migrations, topology, roles and alerts, all at once and "
        "within 10 s. Exit code: 0 all is green, 1 something is bad (each with what mends it), 2 usage, 3 "
        "nothing is seen to be bad, but something could not be looked at."
    )
    # It is to say itself what they would refuse.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")
        parser.add_argument(
            "--bundle",
            metavar="FILE",
            help="write what a bug report needs, without secrets; - prints it",
        )

    def handle(self, *, as_json: bool, bundle: str | None, **_: Any) -> None:
        found = examined()
        state = worst(found)
        if bundle:
            self._write(bundle, found)
        if bundle != OUTPUT:
            said = {"state": state, "looks": list(map(asdict, found))}
            self.stdout.write(json.dumps(said, indent=2) if as_json else "\n".join(lines(found)))
        if state != "green":
            names = ", ".join(answer.name for answer in found if answer.state == state)
            raise CommandError(f"{state}: {names}.", returncode=CODES[state])

    def _write(self, file: str, found: Any) -> None:
        text = bundle(found)
        if file == OUTPUT:
            self.stdout.write(text)
            return
        try:
            Path(file).write_text(text)
        except OSError as error:
            raise CommandError(
                f"{file} cannot be written ({error.strerror}): name one below /tmp, or - to have it printed.",
                returncode=2,
            ) from error
