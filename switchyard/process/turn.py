"""Has releases of one database run one after another: two migrations at once would fail halfway.

The turn is an advisory lock on a connection of its own, and ends with it. Through a pooler, which would give
the session to others, it is the lock of a transaction that stays open meanwhile; that has no snapshot, and so
keeps neither dead rows nor an index that is being made.
"""

from typing import Any

import psycopg
from psycopg.sql import SQL

from switchyard.outage import NotYet, first_line
from switchyard.pooler import connected_for_lock, try_lock

#: Advisory locks are numbers, for each database: the letters of "rlse".
LOCK = int.from_bytes(b"rlse")

# A release may take hours; the turn is idle so long, and not to be ended for it.
_STAY = """
    SELECT set_config(name, '0', %s) FROM pg_settings
    WHERE name IN ('idle_in_transaction_session_timeout', 'idle_session_timeout', 'transaction_timeout')
"""
_HOLDER = """
    SELECT pid, usename, coalesce(host(client_addr), 'local'),
        to_char(backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')
    FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE (locktype, classid, objid, objsubid) = ('advisory', 0, %s, 1) AND granted
        AND datname = current_database()
"""


class Turn:
    """Not shared between threads."""

    def __init__(self) -> None:
        self._link: psycopg.Connection[Any] | None = None

    def __enter__(self) -> "Turn":
        return self

    def __exit__(self, *_: object) -> None:
        if self._link is not None:
            self._link.close()

    def take(self) -> None:
        """Raises NotYet while another release has it, or the database is away."""
        try:
            link = self._link = self._link or connected_for_lock()
            taken = link.execute(SQL("SELECT {}(%s)").format(try_lock(link)), [LOCK]).fetchone()
            if taken and taken[0]:
                link.execute(_STAY, [not link.autocommit])
                return
            holder = link.execute(_HOLDER, [LOCK]).fetchone()
            link.rollback()
        except psycopg.Error as error:
            self._link = None
            raise NotYet(f"PostgreSQL did not answer ({first_line(error)}).") from error
        raise NotYet(_sentence(holder))


def _sentence(holder: Any) -> str:
    if holder is None:
        return "Another release has just ended."
    pid, role, host, since = holder
    return (
        f"Another release runs since {since} UTC (pid {pid} of role {role} from {host}). This one goes on "
        "when it has ended."
    )
