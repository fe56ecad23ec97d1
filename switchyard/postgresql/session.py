"""Has a connection that comes back from a task or a request be as new for the next.

A ``SET search_path``, an advisory lock of the session, ``LISTEN`` or a temporary table stay with the
server's session, and so with whoever gets the connection from the pool next. Which statement changes a
session is read off its text (``postgresql.statements``), so that what changes none, nearly all, costs no
round trip.
"""

from contextlib import suppress
from functools import cache
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import Connection, Cursor, Error
from psycopg.pq import TransactionStatus

from switchyard.postgresql.statements import leaves_state


def changed(connection: Any) -> bool:
    """Whether a statement on the driver's connection has, since it was as new."""
    return getattr(connection, "session_changed", False)


class SessionState:
    """For a backend of PostgreSQL's: a base of its DatabaseWrapper. ``DatabaseMixin`` has it."""

    def get_connection_params(self: Any) -> dict[str, Any]:
        params: dict[str, Any] = super().get_connection_params()  # type: ignore[misc]
        params["cursor_factory"] = _noting(params.get("cursor_factory", Cursor))
        return params

    def connect(self: Any) -> None:
        """What Django and receivers of ``connection_created`` set is set at each connect."""
        super().connect()  # type: ignore[misc]
        self.connection.session_changed = False

    def close(self: Any) -> None:
        """Give the connection back to the pool as it came from there."""
        self.validate_thread_sharing()
        if self.connection is not None and changed(self.connection) and self.pool:
            self._discard_session()
        super().close()  # type: ignore[misc]

    def close_if_unusable_or_obsolete(self: Any) -> None:
        """Close one that is kept too: what it was set to at its connect would be discarded with the rest."""
        if self.connection is not None and not self.in_atomic_block and self._left_something():
            self.close()
        super().close_if_unusable_or_obsolete()  # type: ignore[misc]

    def close_if_health_check_failed(self: Any) -> None:
        """Of a pool's too, whose own check was when the connection left it: a thread may keep it for long.

        As for one that is no pool's: where ``health_check_done`` has been taken back (worker/strays.py).
        """
        BaseDatabaseWrapper.close_if_health_check_failed(self)

    def _left_something(self: Any) -> bool:
        status = self.connection.info.transaction_status
        return changed(self.connection) or status in {TransactionStatus.INTRANS, TransactionStatus.INERROR}

    def _discard_session(self: Any) -> None:
        """One round trip. A connection on which it fails is not used again: the pool makes another."""
        connection: Connection[Any] = self.connection
        try:
            connection.rollback()
            connection.autocommit = True
            connection.execute("DISCARD ALL")
            self._configure_connection(connection)
            connection.session_changed = False  # type: ignore[attr-defined]
        except Error:
            with suppress(Error):
                connection.close()


class _Notes:
    """A cursor of psycopg's that notes on its connection whether the session has been changed."""

    def execute(self: Any, query: Any, *args: Any, **options: Any) -> Any:
        _note(self.connection, query)
        return super().execute(query, *args, **options)  # type: ignore[misc]

    def executemany(self: Any, query: Any, *args: Any, **options: Any) -> Any:
        _note(self.connection, query)
        return super().executemany(query, *args, **options)  # type: ignore[misc]


@cache
def _noting(factory: type) -> type:
    return type(factory.__name__, (_Notes, factory), {})


def _note(connection: Any, query: Any) -> None:
    if leaves_state(query):
        connection.session_changed = True
