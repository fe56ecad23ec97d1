"""Runs a verb as ``manage.py switchyard VERB``, one command that collides with nobody else's."""

import os
import sys
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser

from switchyard.conf import conf
from switchyard.identity.environment import header
from switchyard.postgresql.name import named
from switchyard.process.main import FOR_PEOPLE, VERBS, command

#: What programs read, and what is no command yet.
SILENT = {"--json", "-h", "--help"}


class Command(BaseCommand):
    help = "Roles and verbs of the engine. Each has --help of its own."
    # The verb's own command decides.
    requires_system_checks = ()

    def run_from_argv(self, argv: list[str]) -> None:
        """Hand the command line on to the verb, which then speaks for itself."""
        program, _, *words = argv
        if "--skip-checks" in words:
            # For a worker and beat, which look again as they start.
            os.environ["CELERY_SKIP_CHECKS"] = "true"
        if words and words[0] in FOR_PEOPLE and not SILENT & set(words):
            self.stderr.write(header(coloured=sys.stderr.isatty() and not conf.NO_COLOR))
        if words and words[0] in VERBS:
            named(" ".join(words[: 2 if words[0] == "worker" else 1]))
            command(words[0]).run_from_argv([program, *words])
        else:
            super().run_from_argv(argv)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("verb", choices=VERBS, metavar="VERB", help=", ".join(VERBS))
        parser.add_argument("arguments", nargs="...", help="the verb's own")

    def handle(self, *, verb: str, arguments: list[str], **options: Any) -> None:
        """For ``call_command("switchyard", "topology", "apply")``."""
        streams = {
            "stdout": options.get("stdout") or sys.stdout,
            "stderr": options.get("stderr") or sys.stderr,
        }
        call_command(command(verb), *arguments, verbosity=options["verbosity"], **streams)
