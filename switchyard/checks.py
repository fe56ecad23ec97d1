"""Has Django's ``check`` ask each room whether its part of the configuration is right.

It asks in `check`, in every role, and in workers and beat that are started by Celery's own command. What the
rules find is listed in ``tasks.checks`` and ``process.checks``.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from celery.signals import beat_init, worker_init
from django.core.checks import CheckMessage, register, run_checks

#: Yields what is wrong.
Rule = Callable[[], Iterable[CheckMessage]]


def register_rules(rules: Sequence[Rule]) -> None:
    for rule in rules:
        register(_as_check(rule))
    worker_init.connect(_refuse_to_start)
    beat_init.connect(_refuse_to_start)


def _refuse_to_start(**_: Any) -> None:
    """Celery runs Django's checks too, but starts whatever they find."""
    errors = [str(finding) for finding in run_checks() if finding.is_serious()]
    if errors:
        raise SystemExit("\n".join(errors))


def _as_check(rule: Rule) -> Callable[..., list[CheckMessage]]:
    def check(app_configs: Any, **_: Any) -> list[CheckMessage]:
        return list(rule())

    check.__name__ = rule.__name__
    return check
