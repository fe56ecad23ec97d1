"""Holds the lease: the advisory lock that decides which beat sends.

It is held by a connection of its own and gone with it: with the process, with the machine, or when PostgreSQL
restarts. A pooler in transaction mode would give the session, and the lock with it, to others: through one it
is the lock of a transaction, which stays open from look to look. At each look it is renewed, so that a pooler
can be paused and sessions end; another beat may be quicker then. Between two looks it has no snapshot, and so
keeps no dead rows. A holder that is frozen keeps its connection and so its lock; whoever stands by ends that
connection when nothing was heard on it for ``SILENT_SECONDS`` by the database's clock, or when it was last
heard in the future, by a clock that has been set back since.

The lease saves work and noise. That a tick is sent once rests on the tick's own row.
"""

from datetime import datetime
from typing import Any

import psycopg
import structlog
from django.db import Error
from psycopg.sql import SQL

from switchyard.clock import TOLERANCE_SECONDS
from switchyard.installation import BEAT, LOCKED, lock
from switchyard.pooler import connected_for_lock, try_lock

#: The holder looks every 2 s (switchyard/schedule/scheduler.py).
SILENT_SECONDS = 6

MINE = f"""
SELECT clock_timestamp(), EXISTS (SELECT FROM pg_locks WHERE {LOCKED} AND pid = pg_backend_pid()),
    current_setting('transaction_read_only') = 'on'
"""  # noqa: S608 - a constant of ours
END_SILENT_HOLDER = f"""
SELECT pid, pg_terminate_backend(pid) FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE {LOCKED} AND datname = current_database()
    AND NOT state_change BETWEEN
        clock_timestamp() - make_interval(secs => %s) AND clock_timestamp() + make_interval(secs => %s)
"""  # noqa: S608 - a constant of ours

log = structlog.get_logger("switchyard.schedule")


class LeaseLost(Exception):
    """We held the lease and do no longer. Says why."""


class Lease:
    """Not shared between threads. For a database that is away ``take`` raises OperationalError, psycopg's or
    Django's; ``now`` says LeaseLost."""

    def __init__(self) -> None:
        self.held = False
        self._link: psycopg.Connection[Any] | None = None
        self._lock = (0, 0)

    def take(self) -> bool:
        """Try to take the lease, without waiting for it."""
        try:
            link = self._connected()
            self.held = self._locked(link)
            if not self.held:
                self._end_silent_holder(link)
                link.rollback()
        except (psycopg.Error, Error):
            self.release()
            raise
        return self.held

    def now(self) -> datetime:
        """The database's time, if the lease is still ours. Raises LeaseLost."""
        try:
            link = self._connected()
            if not link.autocommit:
                link.commit()
                self._locked(link)
            row = link.execute(MINE, self._lock).fetchone()
        except (psycopg.Error, Error) as error:
            self.release()
            raise LeaseLost(f"its connection broke: {str(error).strip()}") from error
        if row is None or not row[1]:
            self.release()
            raise LeaseLost("the lock is not on this connection; another beat was quicker behind a pooler")
        if row[2]:
            self.release()
            raise LeaseLost("the server that has the lock takes no writes: it is a standby now")
        now: datetime = row[0]
        return now

    def release(self) -> None:
        """Give the lease back, if it is ours, by closing its connection. Twice is harmless."""
        link, self._link, self.held = self._link, None, False
        if link is not None:
            link.close()

    def _connected(self) -> "psycopg.Connection[Any]":
        if self._link is None:
            self._lock = lock(BEAT)
            self._link = connected_for_lock()
        return self._link

    def _end_silent_holder(self, link: "psycopg.Connection[Any]") -> None:
        silent = [*self._lock, SILENT_SECONDS, TOLERANCE_SECONDS]
        for pid, ended in link.execute(END_SILENT_HOLDER, silent).fetchall():
            log.warning("silent_holder_ended", pid=pid, ended=ended, silent_seconds=SILENT_SECONDS)

    def _locked(self, link: "psycopg.Connection[Any]") -> bool:
        """Try to lock, for as long as the session lasts; in a transaction, as that does."""
        asked = SQL("SELECT {}(%s, %s::bigint::oid::int)").format(try_lock(link))
        row = link.execute(asked, self._lock).fetchone()
        return bool(row and row[0])
