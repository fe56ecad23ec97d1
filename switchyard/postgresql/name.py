"""Names each connection after the role and the host that has it, for who reads ``pg_stat_activity``.

``relay @relay-6c9d7f-x2x4z``: what a person reads off the server is a pod that can be asked. It holds
only where nobody says otherwise: an ``application_name`` of OPTIONS, of the URL, of a service file or of
PGAPPNAME is somebody's own.
"""

import sys
from pathlib import Path
from socket import gethostname
from typing import Any

#: Between role and host. What stands before it is the same for each pod of a role.
AT = " @"
#: Bytes that PostgreSQL keeps of a name.
LONGEST = 63

_told: list[str] = []


def named(role: str) -> None:
    """Say what this process is, as ``worker io``. Processes that it forks are the same."""
    _told[:] = [role]


def name() -> str:
    """Of this process, by what was told or by the program that was called: ``celery worker @host``."""
    return f"{_told[0] if _told else _called()}{AT}{gethostname()}"[:LONGEST]


def _called() -> str:
    program = Path(sys.argv[0] if sys.argv else "").name
    verbs = [word for word in sys.argv[1:] if word in {"worker", "beat"}]
    return " ".join([program or "python", *verbs[:1]])


class Named:
    """For a backend of PostgreSQL's; ``DatabaseMixin`` has it."""

    def get_connection_params(self: Any) -> dict[str, Any]:
        parameters: dict[str, Any] = super().get_connection_params()  # type: ignore[misc]
        return {"fallback_application_name": name(), **parameters}
