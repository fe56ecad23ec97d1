"""Has Django's ``check`` ask each room whether its part of the configuration is right.

It asks in `check`, in every role, and in workers and beat that are started by Celery's own command. What the
rules find is listed where each is written, in the modules that ``switchyard.apps`` names.
"""

import os
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cache
from typing import Any

from celery.signals import beat_init, worker_init
from django.core.checks import CheckMessage, Tags, register, run_checks
from django.db import DEFAULT_DB_ALIAS

#: Yields what is wrong.
Rule = Callable[[], Iterable[CheckMessage]]


def register_rules(
    rules: Sequence[Rule], database_rules: Sequence[Rule] = (), deploy_rules: Sequence[Rule] = ()
) -> None:
    """``database_rules`` ask the database, and so only in ``check --database default`` and ``migrate``.

    ``deploy_rules`` are for ``check --deploy``.
    """
    for rule in rules:
        register(_as_check(rule))
    for rule in database_rules:
        register(_as_check(rule, asks_database=True), Tags.database)
    for rule in deploy_rules:
        register(_as_check(rule), deploy=True)
    worker_init.connect(_refuse_to_start)
    beat_init.connect(_refuse_to_start)


def _refuse_to_start(**_: Any) -> None:
    """Celery runs Django's checks too, but starts whatever they find.

    As everywhere in Django, what SILENCED_SYSTEM_CHECKS names is no error; with ``celery --skip-checks``
    none is looked for.
    """
    if os.environ.get("CELERY_SKIP_CHECKS"):
        return
    found = [finding for finding in run_checks() if not finding.is_silenced()]
    errors = [str(finding) for finding in found if finding.is_serious()]
    if errors:
        raise SystemExit("\n".join(errors))


# One for each: Django calls `ready` again where a test changes INSTALLED_APPS, and keeps a set of checks.
@cache
def _as_check(rule: Rule, *, asks_database: bool = False) -> Callable[..., list[CheckMessage]]:
    def check(app_configs: Any, databases: Collection[str] | None = None, **_: Any) -> list[CheckMessage]:
        return list(rule()) if not asks_database or DEFAULT_DB_ALIAS in (databases or ()) else []

    check.__name__ = rule.__name__
    return check
