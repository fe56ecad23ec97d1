"""Runs ``switchyard VERB``, the one entry, which in a project is ``python -m app VERB`` as well.

A verb of ours runs here; every other is a management command of Django or of the project.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.core.management.base import BaseCommand
from django.utils.module_loading import import_string

#: Verbs by which people look and act: each says first in which environment.
FOR_PEOPLE = ("queues", "deadletters", "outbox", "schedule", "topology", "routes", "sizing")
#: Verb to its command.
VERBS = {
    "web": "switchyard.process.roles.Web",
    "worker": "switchyard.process.worker.Command",
    "beat": "switchyard.process.roles.Beat",
    "relay": "switchyard.process.roles.Relay",
    "exporter": "switchyard.process.roles.Exporting",
    "jobs": "switchyard.process.roles.Jobs",
    "release": "switchyard.process.release.Release",
    **{verb: f"switchyard.ops.commands.{verb}.Command" for verb in FOR_PEOPLE},
    "adopt-database": "switchyard.ops.commands.adopt_database.Command",
}


def main(arguments: Sequence[str] | None = None, *, program: str = "switchyard") -> None:
    """Run ``VERB ARGUMENTS``; exits with the verb's code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if "DJANGO_SETTINGS_MODULE" not in os.environ and not any(map(_names_settings, words)):
        sys.exit(
            "DJANGO_SETTINGS_MODULE is not set. Set it to the dotted name of the project's settings, as "
            "DJANGO_SETTINGS_MODULE=yours.settings, or use the project's own: manage.py switchyard VERB."
        )
    if words and words[0] in VERBS:
        # Django's own way from here: settings, apps, then the management command of that name.
        words = ["switchyard", *words]
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    execute_from_command_line([program, *words])


def command(verb: str) -> BaseCommand:
    """Raises ImproperlyConfigured for a verb that there is not."""
    if verb not in VERBS:
        raise ImproperlyConfigured(f"There is no verb {verb!r}. There are {', '.join(VERBS)}.")
    found: type[BaseCommand] = import_string(VERBS[verb])
    return found()


def _names_settings(word: str) -> bool:
    return word == "--settings" or word.startswith("--settings=")
