"""Has PostgreSQL itself end what takes too long, in one transaction and nowhere else.

Not by the connection's own options: a pooler (PgBouncer) refuses who connects with some, and what is set for
a session behind one in transaction mode is met by other clients.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TypeVar

from django.db import connection, transaction

T = TypeVar("T")

#: Of a look at the database, which is to cost it nothing when nobody waits for it any more.
STATEMENT_SECONDS = 5
IDLE_SECONDS = 10

_LIMIT = (
    "SELECT set_config('statement_timeout', %s, true),"
    " set_config('idle_in_transaction_session_timeout', %s, true)"
)


@contextmanager
def limited() -> Iterator[None]:
    """A transaction, of which a statement or a pause that takes longer is ended."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_LIMIT, [f"{STATEMENT_SECONDS}s", f"{IDLE_SECONDS}s"])
        yield


def in_limits(read: Callable[[], T]) -> Callable[[], T]:
    """``read`` in such a transaction."""

    @wraps(read)
    def within() -> T:
        with limited():
            return read()

    return within
