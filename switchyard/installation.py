"""Tells this installation from others in the same database, each of which has a schema of its own.

Advisory locks and notifications are the whole database's: a beat would stand by for the other's lease, and
end its connection as a silent holder's. So the name of each has in it the number that PostgreSQL has given to
the outbox table which this installation's ``search_path`` finds: ``SELECT objid::regclass FROM pg_locks WHERE
locktype = 'advisory'`` names it, with its schema. The number stays while the table does.
"""

from django.db import connection

#: SQL: that number.
OWN = "'switchyard_outbox'::regclass::oid"

#: SQL: what a relay listens to. A notification says that a transaction has committed rows.
CHANNEL = f"('switchyard_outbox_' || {OWN})"

#: Advisory locks are two numbers: what for, the letters of its name, and whose.
BEAT = int.from_bytes(b"beat")

#: SQL: which row of ``pg_locks`` is a lock, held in whatever way. The parameters are the lock's.
LOCKED = "(locktype, classid, objid, objsubid) = ('advisory', %s, %s::bigint::oid, 2) AND granted"


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
