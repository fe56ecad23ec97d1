"""Tells this installation from others: those in the same database, and those on the same broker.

In a database each has a schema of its own. Advisory locks and notifications are the whole database's: a beat
would stand by for the other's lease, and end its connection as a silent holder's. So the name of each has in
it the number that PostgreSQL has given to the outbox table which this installation's ``search_path`` finds:
``SELECT objid::regclass FROM pg_locks WHERE locktype = 'advisory'`` names it, with its schema. The number
stays while the table does.

On a broker each has a vhost of its own (switchyard/broker/claim.py).
"""

from django.db import Error, connection

#: SQL: that number.
OWN = "'switchyard_outbox'::regclass::oid"

#: SQL: what a relay listens to. A notification says that a transaction has committed rows.
CHANNEL = f"('switchyard_outbox_' || {OWN})"

#: Advisory locks are two numbers: what for, the letters of its name, and whose.
BEAT = int.from_bytes(b"beat")

#: SQL: which row of ``pg_locks`` is a lock, held in whatever way. The parameters are the lock's.
LOCKED = "(locktype, classid, objid, objsubid) = ('advisory', %s, %s::bigint::oid, 2) AND granted"


# Of the first migration that was applied: it stays through a dump, a restore and a switchover.
_IDENTITY = """
    SELECT to_char(applied AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') FROM django_migrations
    WHERE app = 'switchyard' ORDER BY id LIMIT 1
"""


def identity() -> str:
    """The moment, in UTC, at which this database got the engine's tables; empty if it has none.

    Tells this installation from all others, but for one whose database is a copy of this one's. Raises
    django.db.Error.
    """
    with connection.cursor() as cursor:
        cursor.execute(_IDENTITY)
        return str((cursor.fetchone() or ("",))[0])


def known_identity() -> str:
    """The same for whom the database need not be there; empty while it is away."""
    try:
        return identity()
    except Error:
        return ""


def lock(purpose: int) -> tuple[int, int]:
    """The two numbers of an advisory lock of ours. Raises django.db.Error."""
    return purpose, int(_read(f"{OWN}::bigint"))


def channel() -> str:
    """Raises django.db.Error."""
    return _read(CHANNEL)


def _read(expression: str) -> str:
    """By Django's connection: a receiver or a backend that sets ``search_path`` sets it there."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT ({expression})::text")
        return str(cursor.fetchone()[0])
