"""Gives a connection back to the pool after each transaction: a slot that waits holds none.

A statement outside ``atomic`` is a transaction of its own. What a pooler in transaction mode breaks is kept
whole here, by keeping the connection: until the end of an ``atomic`` or of autocommit being off, until every
cursor is closed (a server-side one lives as long as its iterator), and until the end of the task after a
statement that left something in the session, which is then made as new (``postgresql.session``).

It holds where DATABASES[alias] has ``TRANSACTION_POOLING``, which ``share_connections`` sets in a worker on
threads, unless the project says False. Whoever uses ``connection.connection`` by hand does it in ``atomic``.
"""

from collections.abc import Callable
from functools import partial
from typing import Any
from weakref import WeakSet

from django.db import DatabaseError
from django.db.backends.base.base import NO_DB_ALIAS

from switchyard.postgresql.holds import Hold
from switchyard.postgresql.statements import leaves_state


class TransactionPooling:
    """Before the DatabaseWrapper of a backend of PostgreSQL's; ``DatabaseMixin`` has it."""

    def __init__(self: Any, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.hold: Hold | None = None
        #: Whether something was left in the session, so that it is kept until the end of the task. By its
        #: statements, and not by a backend's own (a tenant's search path), which that sets on any connection.
        self.left_state = False
        #: Whether the server takes no writes.
        self.spoilt = False
        self._opening = False
        self._open_cursors: WeakSet[Any] = WeakSet()
        self.execute_wrappers.append(_noted)

    @property
    def pools_transactions(self: Any) -> bool:
        return bool(self.settings_dict.get("TRANSACTION_POOLING")) and self.alias != NO_DB_ALIAS

    def connect(self: Any) -> None:
        self._opening = True
        self.left_state = self.spoilt = False
        self._open_cursors.clear()
        try:
            super().connect()  # type: ignore[misc]
        finally:
            self._opening = False
        self.hold = Hold() if self.pools_transactions else None

    def get_autocommit(self: Any) -> bool:
        """As a new connection would have it. Django would take one, and hold it, to answer that."""
        if self.connection is None and self.pools_transactions and not self.in_atomic_block:
            return bool(self.settings_dict["AUTOCOMMIT"])
        return bool(super().get_autocommit())  # type: ignore[misc]

    def set_autocommit(self: Any, autocommit: bool, *args: Any, **options: Any) -> None:
        """The end of an ``atomic`` is that autocommit is on again; hooks that wait for it have run then."""
        try:
            super().set_autocommit(autocommit, *args, **options)  # type: ignore[misc]
        finally:
            if self.hold and not autocommit:
                self.hold.reason = "a transaction"
            self._give_back()

    def _set_autocommit(self: Any, autocommit: bool) -> None:
        """A connection of the pool has it on already; to say so again costs as much as half a statement."""
        if self.connection.autocommit != autocommit:
            super()._set_autocommit(autocommit)  # type: ignore[misc]

    def _prepare_cursor(self: Any, cursor: Any) -> Any:
        """Django's wrapper around a cursor, of whatever kind, that tells when it is closed."""
        prepared = super()._prepare_cursor(cursor)  # type: ignore[misc]
        if self.pools_transactions:
            self._open_cursors.add(cursor)
            prepared.close = partial(self._close_cursor, cursor)
        return prepared

    def _close_cursor(self: Any, cursor: Any) -> None:
        try:
            cursor.close()
        finally:
            self._open_cursors.discard(cursor)
            self._give_back()

    def _give_back(self: Any) -> None:
        busy = self._opening or self.in_atomic_block or self._open_cursors or self.left_state
        if self.connection is not None and self.autocommit and not busy and self.pools_transactions:
            self.close()

    def _close(self: Any) -> None:
        """To the pool, unless nobody else may have it: it then makes another one."""
        if self.hold:
            self.hold.end()
            self.hold = None
        if self.spoilt and self.connection is not None:
            self.connection.close()
        super()._close()  # type: ignore[misc]


def _noted(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
    """Django's hook around each statement. A function, as a method would hold its connection in a cycle."""
    connection = context["connection"]
    try:
        if not connection.hold:
            return execute(sql, params, many, context)
        if leaves_state(sql):
            connection.left_state = True
            connection.hold.reason = "the state of its session"
        with connection.hold.in_use():
            return execute(sql, params, many, context)
    except DatabaseError as error:
        connection.judge(error)
        raise
