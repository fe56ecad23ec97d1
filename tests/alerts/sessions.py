"""What others do in the database: they hold locks or rows, are too many, or change rows."""

from dataclasses import dataclass, field
from typing import Any

import psycopg

from switchyard.installation import BEAT, OWN
from tests.alerts.service import Service

#: Of the connections that the server takes.
NEARLY_ALL = 0.9


@dataclass
class Sessions:
    """Those that are open now."""

    _open: list["psycopg.Connection[Any]"] = field(default_factory=list)

    def hold(self, service: Service, statement: str, *values: Any) -> None:
        """Run it in a transaction that stays open."""
        self._session(service, autocommit=False).execute(statement, values)

    def hold_lease(self, service: Service) -> None:
        """As two beats would whose lease does not work: PostgreSQL gives a shared lock to each who asks."""
        for _ in range(2):
            self._session(service).execute(f"SELECT pg_advisory_lock_shared({BEAT}, {OWN}::int)")

    def take_nearly_all(self, service: Service) -> None:
        link = self._session(service)
        asked = "SELECT sum(numbackends)::int, current_setting('max_connections')::int FROM pg_stat_database"
        used, most = link.execute(asked).fetchone() or (0, 0)
        for _ in range(int(most * NEARLY_ALL) - used):
            self._session(service)

    def end(self) -> None:
        """Roll back what they have not committed."""
        while self._open:
            self._open.pop().close()

    def _session(self, service: Service, *, autocommit: bool = True) -> "psycopg.Connection[Any]":
        link = psycopg.connect(service.postgres.url, autocommit=autocommit)
        self._open.append(link)
        return link


def changed(service: Service, *statements: str) -> int:
    """Run them in one transaction; returns how many rows the last one changed."""
    with psycopg.connect(service.postgres.url) as link:
        return [link.execute(statement).rowcount for statement in statements][-1]
