"""Tells a connection that can do its work from one that only answers.

After a switchover the old primary may be up as a standby: what is connected to it reads, and can write
nothing. So a connection is asked whether it may write, and none is opened to a server that may not, unless
``OPTIONS`` of its database have a ``target_session_attrs`` that says otherwise. A database other than the
default may be a replica: it is asked for no more than an answer, unless they say ``read-write``.
"""

import time
from collections.abc import Mapping
from select import POLLIN, poll
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from django.db import DEFAULT_DB_ALIAS, DatabaseError
from psycopg.pq import ExecStatus

from switchyard.deadline import CONNECT_SECONDS
from switchyard.pooler import connected
from switchyard.postgresql.circuit import Circuit
from switchyard.sqlstate import is_read_only

#: What libpq calls a server that takes writes.
WRITABLE = {"read-write", "primary"}
#: What a server of 14 and later says of itself with its answers, unasked.
SAYS_READ_ONLY = ("in_hot_standby", "default_transaction_read_only")
#: A connection that answered so lately is not asked again when the pool hands it out.
TRUSTED_SECONDS = 1.0

_answered_at: "WeakKeyDictionary[Any, float]" = WeakKeyDictionary()


class HealthCheck:
    """Before the DatabaseWrapper of a backend of PostgreSQL's; ``DatabaseMixin`` has it."""

    def get_connection_params(self: Any) -> dict[str, Any]:
        parameters: dict[str, Any] = super().get_connection_params()  # type: ignore[misc]
        if self.alias == DEFAULT_DB_ALIAS:
            parameters.setdefault("target_session_attrs", "read-write")
        return parameters

    def get_new_connection(self: Any, conn_params: Mapping[str, Any]) -> Any:
        """One that works: of those in the pool, whatever has died or lost its primary is left out."""
        self._refuse_to_wait_in_vain()
        found = super().get_new_connection(conn_params)  # type: ignore[misc]
        while self.pool and not self._works(found):
            self._drop(found)
            found = super().get_new_connection(conn_params)  # type: ignore[misc]
        return found

    def is_usable(self: Any) -> bool:
        """Django's hook for whether a connection that is open is to be kept."""
        return self.connection is not None and self._answers(self.connection)

    def judge(self: Any, error: DatabaseError) -> None:
        """After an error: have the connection closed, and not lent again, if its server takes no writes.

        A transaction may be read-only by its own choice; the server says which of the two it is (before
        PostgreSQL 14 it does not). A pooler goes on saying what the server said that it had first, so a new
        session is asked.
        """
        if not is_read_only(error):
            return
        status = [self.connection.info.parameter_status(name) for name in SAYS_READ_ONLY]
        if "off" in status and "on" not in status and takes_writes(self):
            error.__cause__.by_choice = True  # type: ignore[union-attr]
        else:
            self.spoilt = True

    def _works(self: Any, connection: Any) -> bool:
        try:
            lately = time.monotonic() - _answered_at.get(connection, 0.0) < TRUSTED_SECONDS
            return (lately and silent(connection)) or self._answers(connection)
        except BaseException:
            # A soft limit, for one. What is in nobody's hands would be missing in the pool for ever.
            self._drop(connection)
            raise

    def _answers(self: Any, connection: Any) -> bool:
        """Asked for half as long as one waits for the pool, so that there is time for another one.

        Where one says nothing the others would say nothing either, each for as long.
        """
        within = min(CONNECT_SECONDS, self.pool.timeout / 2) if self.pool else CONNECT_SECONDS
        try:
            return answers(connection, writable=self._must_write(), within_seconds=within)
        except TimeoutError as error:
            if self.pool:
                self.pool.drain()
            if circuit := self._circuit():
                circuit.fail(str(error))
            return False

    def _circuit(self: Any) -> Circuit | None:
        return getattr(self.pool.connection_class, "circuit", None) if self.pool else None

    def _refuse_to_wait_in_vain(self: Any) -> None:
        circuit = self._circuit()
        if circuit and (reason := circuit.broken()):
            raise psycopg.OperationalError(f"no connection can be made at present: {reason}")

    def _drop(self: Any, connection: Any) -> None:
        connection.close()
        self.pool.putconn(connection)

    def _must_write(self: Any) -> bool:
        return self.get_connection_params().get("target_session_attrs") in WRITABLE


def drop(connection: Any) -> None:
    """Close Django's connection for good, so that no pool lends it again."""
    connection.spoilt = True
    connection.close()


def answers(connection: Any, *, writable: bool, within_seconds: float = CONNECT_SECONDS) -> bool:
    """Whether its server answers, and takes writes if it must. TimeoutError: close it, it may answer yet."""
    try:
        read_only = _said(connection.pgconn, b"SHOW transaction_read_only", within_seconds) == b"on"
    except psycopg.Error:
        return False
    _answered_at[connection] = time.monotonic()
    return not (writable and read_only)


def _said(link: Any, statement: bytes, within_seconds: float) -> bytes | None:
    """The one value that a statement gives. psycopg's own ``execute`` waits as long as it takes."""
    deadline = time.monotonic() + within_seconds
    look = poll()
    look.register(link.socket, POLLIN)
    link.send_query(statement)
    while link.flush() or link.is_busy():
        remaining = deadline - time.monotonic()
        if remaining <= 0 or not look.poll(remaining * 1000):
            raise TimeoutError(f"the server did not answer within {within_seconds} s")
        link.consume_input()
    found: bytes | None = None
    while (result := link.get_result()) is not None:
        if result.status != ExecStatus.TUPLES_OK:
            raise psycopg.OperationalError("the server did not answer a SHOW with a value")
        found = result.get_value(0, 0)
    return found


def takes_writes(database: Any) -> bool:
    """Whether its server does, for a new session."""
    try:
        with connected(database, target_session_attrs="any") as link:
            return answers(link, writable=True)
    except (psycopg.Error, TimeoutError):
        return False


def silent(connection: Any) -> bool:
    """Whether nothing came from the server meanwhile: of an idle connection, only its end does."""
    if connection.closed:
        return False
    look = poll()
    look.register(connection.fileno(), POLLIN)
    return not look.poll(0)
