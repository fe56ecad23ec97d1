"""Tells whether DATABASE_URL leads to PostgreSQL itself, or to a pooler whose clients share sessions.

A pooler (PgBouncer) takes the connection itself, and tells its client a number of its own for the session. In
session mode that is all; in transaction mode a session is a client's for one transaction. What is meant to
outlive that (LISTEN, SET, an advisory lock, a prepared statement, a server-side cursor) is then left in a
session that others are given, and missing in the next.
"""

from collections.abc import Callable
from typing import Any

import psycopg
from django.db import connection
from psycopg.sql import Identifier

#: A pooler that other clients keep busy may give a client the same session by chance.
LOOKS = 3

Link = psycopg.Connection[Any]


def connected(database: Any = connection, **parameters: Any) -> Link:
    """A connection beside Django's, to the same place and as patient. Each statement is a transaction."""
    found = database.get_connection_params() | {"cursor_factory": None}
    return psycopg.connect(**found | parameters, autocommit=True)


def is_pooled(link: Link) -> bool:
    """Whether a pooler is between, in whatever mode."""
    return _session(link) != link.info.backend_pid


def shares_sessions(connect: Callable[[], Link] = connected) -> bool:
    """Whether there is a pooler in transaction mode. Raises psycopg.Error."""
    with connect() as link:
        return is_pooled(link) and any(_is_shared(link, connect) for _ in range(LOOKS))


def _is_shared(link: Link, connect: Callable[[], Link]) -> bool:
    """Whether the session that ran a statement of ours may run another client's, or not ours any more."""
    before = _session(link)
    with connect() as other, other.transaction():
        # In this order: of a pool of one session nothing is left for us now.
        return _session(other) == before or _session(link) != before


def _session(link: Link) -> int:
    row = link.execute("SELECT pg_backend_pid()").fetchone()
    return int(row[0]) if row else 0


def connected_for_lock() -> Link:
    """For an advisory lock: the session's, or behind a pooler that of a transaction which stays open."""
    # The other protocol would keep a statement, and its snapshot, until the next.
    link = connected(cursor_factory=psycopg.ClientCursor)
    try:
        # psycopg then begins a transaction with the next statement.
        link.autocommit = not is_pooled(link)
    except psycopg.Error:
        link.close()
        raise
    return link


def try_lock(link: Link) -> Identifier:
    """The function that tries to take it without waiting."""
    return Identifier("pg_try_advisory_lock" if link.autocommit else "pg_try_advisory_xact_lock")
