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

from switchyard.process.stand_in import asked, explanation, stand_in, why_unreadable

#: Verbs by which people look and act: each says first in which environment.
FOR_PEOPLE = (
    "queues",
    "deadletters",
    "outbox",
    "schedule",
    "topology",
    "routes",
    "sizing",
    "slots",
    "database",
    "alerts",
    "doctor",
)

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


def main(arguments: Sequence[str] | None = None, *, program: str = "switchyard", queues: str = "") -> None:
    """Run ``VERB ARGUMENTS``; exits with the verb's code.

    ``queues`` is the module that declares them, for a ``--help`` without settings.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    named = "DJANGO_SETTINGS_MODULE" in os.environ or any(map(_names_settings, words))
    if not named and not asked(words):
        sys.exit(
            "DJANGO_SETTINGS_MODULE is not set. Set it to the dotted name of the project's settings, as "
            "DJANGO_SETTINGS_MODULE=yours.settings, or use the project's own: manage.py switchyard VERB."
        )
    ours = bool(words) and words[0] in VERBS
    if (ours or asked(words)) and not any(map(_names_settings, words)):
        _have_settings(words, program, queues)
    if ours:
        # Django's own way from here: settings, apps, then the management command of that name.
        words = ["switchyard", *words]
    execute_from_command_line([program, *words])


def _have_settings(words: Sequence[str], program: str, queues: str) -> None:
    """Exits with a sentence where they cannot be read; for ``--help`` others do as well."""
    why = why_unreadable()
    if why and not asked(words):
        sys.exit(explanation(why, os.environ["DJANGO_SETTINGS_MODULE"]))
    if why:
        stand_in(program, queues)


def command(verb: str) -> BaseCommand:
    """Raises ImproperlyConfigured for a verb that there is not."""
    if verb not in VERBS:
        raise ImproperlyConfigured(f"There is no verb {verb!r}. There are {', '.join(VERBS)}.")
    found: type[BaseCommand] = import_string(VERBS[verb])
    return found()


def _names_settings(word: str) -> bool:
    return word == "--settings" or word.startswith("--settings=")
