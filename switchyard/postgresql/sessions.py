"""Lists the sessions of the database, who of them waits for whom, and ends one."""

from typing import Any

from django.db import connection

from switchyard.text import printable

MOST_TEXT = 80
#: Sessions that are listed.
MOST = 100

# The server cuts long queries, and may do so within a literal, which then has no end.
_HIDDEN = "regexp_replace(query, '''[^'']*(''|$)', '''...''', 'g')"
_SAID = f"left(regexp_replace({_HIDDEN}, '\\s+', ' ', 'g'), {MOST_TEXT})"
_WHO = "concat_ws(' ', usename, nullif(application_name, ''), host(client_addr))"
_SESSIONS = f"""
    SELECT pid, {_WHO}, coalesce(state, '-'), extract(epoch FROM clock_timestamp() - xact_start)::int,
        concat_ws(' ', wait_event_type, wait_event), {_SAID}
    FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
    ORDER BY xact_start NULLS LAST, pid LIMIT %s
"""  # noqa: S608 - constants of ours
# Only of who waits: the function takes all locks of the lock manager for a moment.
_WAITING = f"""
    SELECT waiting.pid, {_WHO}, extract(epoch FROM clock_timestamp() - query_start)::int, {_SAID}, blocking
    FROM pg_stat_activity AS waiting, LATERAL (SELECT pg_blocking_pids(waiting.pid)) AS by (blocking)
    WHERE datname = current_database() AND wait_event_type = 'Lock' ORDER BY query_start LIMIT %s
"""  # noqa: S608
_PREPARED = """
    SELECT gid, owner, extract(epoch FROM clock_timestamp() - prepared)::int FROM pg_prepared_xacts
    WHERE database = current_database() ORDER BY prepared
"""
_SLOTS = "SELECT slot_name, active, coalesce(xmin, catalog_xmin)::text FROM pg_replication_slots ORDER BY 1"
_OF = f"SELECT {_WHO} FROM pg_stat_activity WHERE pid = %s AND datname = current_database()"  # noqa: S608

Rows = list[dict[str, Any]]


def sessions() -> Rows:
    """Those of this database but our own, whose transaction is the oldest first. Raises django.db.Error."""
    names = ("pid", "who", "state", "transaction_seconds", "waits_for", "query")
    return _rows(_SESSIONS, names, MOST)


def waiting() -> Rows:
    """Who waits for a lock, and who is in the way (``a prepared transaction`` has no session)."""
    names = ("pid", "who", "seconds", "query", "blocking")
    found = _rows(_WAITING, names, MOST)
    for row in found:
        pids = row.pop("blocking")
        row["blocked_by"] = ", ".join(_described(pid) for pid in pids) or "somebody who is gone by now"
    return found


def prepared() -> Rows:
    """Transactions that stay until somebody ends them by their name."""
    return _rows(_PREPARED, ("gid", "owner", "seconds"))


def slots() -> Rows:
    """Replication slots: one that nobody reads keeps rows too."""
    return _rows(_SLOTS, ("slot", "active", "keeps_from"))


def owner_of(pid: int) -> str:
    """Who has the session; empty if there is none in this database."""
    with connection.cursor() as cursor:
        cursor.execute(_OF, [pid])
        row = cursor.fetchone()
    return printable(row[0]) if row else ""


def end(pid: int) -> bool:
    """Whether it was told to end. Raises django.db.Error for another user's (``pg_signal_backend``)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
        return bool(cursor.fetchone()[0])


def _described(pid: int) -> str:
    return f"{pid} ({owner_of(pid) or 'not seen'})" if pid else "a prepared transaction"


def _rows(query: str, names: tuple[str, ...], *values: Any) -> Rows:
    with connection.cursor() as cursor:
        cursor.execute(query, list(values))
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
