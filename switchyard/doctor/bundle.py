"""Writes what a bug report needs, and no secret: neither of the settings nor of what a message holds."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.utils import timezone

from switchyard.broker.comparison import differences
from switchyard.broker.live import live_topology
from switchyard.broker.topology import declared, version_of
from switchyard.doctor.broker import open_management
from switchyard.doctor.look import SECONDS, Answer, Found, Look, answers
from switchyard.doctor.versions import versions
from switchyard.metrics.state import read_yard
from switchyard.outbox.backlog import backlogs
from switchyard.postgresql.limits import in_limits
from switchyard.postgresql.sessions import sessions
from switchyard.redaction import redacted, without_secrets_of_settings
from switchyard.routing import QUEUES, ROUTES

#: Settings by the beginning of their names. Others are the project's own business.
SETTINGS = ("SWITCHYARD_", "CELERY_", "DATABASE", "USE_TZ", "TIME_ZONE", "INSTALLED_APPS", "MIDDLEWARE")


def bundle(found: Sequence[Answer]) -> str:
    """JSON. A part that cannot be read says why instead."""
    parts: dict[str, Any] = {
        "at": timezone.now().isoformat(timespec="seconds"),
        "versions": versions(),
        "doctor": list(map(asdict, found)),
        "settings": _settings(),
        "queues": {name: asdict(spec) for name, spec in QUEUES.items()},
        "routes": ROUTES,
        **_read(),
    }
    return without_secrets_of_settings(json.dumps(redacted(parts), indent=2, default=str))


def _settings() -> dict[str, Any]:
    return {name: getattr(settings, name) for name in dir(settings) if name.startswith(SETTINGS)}


def _read() -> dict[str, Any]:
    kept: dict[str, Any] = {}

    def look(name: str, read: Callable[[], Any]) -> Look:
        def keep() -> Found:
            kept[name] = read()
            return Found("")

        return Look(name, keep, SECONDS / 2)

    said = answers(look(name, read) for name, read in _PARTS.items())
    return {answer.name: kept.get(answer.name, answer.says) for answer in said}


def _differences() -> list[Any]:
    with open_management() as management:
        wanted = declared(version_of(management.version()))
        return [item.as_json() for item in differences(wanted, live_topology(management))]


def _states() -> dict[str, Any]:
    with open_management() as management:
        return {name: asdict(state) for name, state in read_yard(management).states.items()}


_PARTS: dict[str, Callable[[], Any]] = {
    "topology_differences": _differences,
    "queue_states": _states,
    "outbox": in_limits(lambda: list(map(asdict, backlogs()))),
    "database_sessions": in_limits(sessions),
}
