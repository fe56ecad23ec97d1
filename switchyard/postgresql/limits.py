"""Has PostgreSQL itself end what takes too long, in one transaction and nowhere else.

Not by the connection's own options: a pooler (PgBouncer) refuses who connects with some, and what is set for
a session behind one in transaction mode is met by other clients.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TypeVar

from django.db import DEFAULT_DB_ALIAS, connections, transaction

T = TypeVar("T")

#: Of a look at the database, which is to cost it nothing when nobody waits for it any more.
STATEMENT_SECONDS = 5.0
IDLE_MILLISECONDS = 10_000


def set_limits(using: str = DEFAULT_DB_ALIAS, **milliseconds: int) -> None:
    """Give the transaction that is open these time-outs, by their names in PostgreSQL."""
    each = ", ".join(["set_config(%s, %s, true)"] * len(milliseconds))
    values = [part for name, value in milliseconds.items() for part in (name, str(value))]
    with connections[using].cursor() as cursor:
        cursor.execute(f"SELECT {each}", values)


@contextmanager
def limited(statement_seconds: float = STATEMENT_SECONDS, using: str = DEFAULT_DB_ALIAS) -> Iterator[None]:
    """A transaction, of which a statement or a pause that takes longer is ended."""
    with transaction.atomic(using):
        set_limits(
            using,
            statement_timeout=round(statement_seconds * 1000),
            idle_in_transaction_session_timeout=IDLE_MILLISECONDS,
        )
        yield


@contextmanager
def limited_look(seconds: float, using: str = DEFAULT_DB_ALIAS) -> Iterator[None]:
    """The same, rolled back, to read in inside somebody else's transaction: its limits go with it."""
    with limited(seconds, using):
        yield
        transaction.set_rollback(True, using)


def in_limits(read: Callable[[], T]) -> Callable[[], T]:
    """``read`` in such a transaction."""

    @wraps(read)
    def within() -> T:
        with limited():
            return read()

    return within
