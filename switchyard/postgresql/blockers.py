"""Names who is in a session's way, as seen by another session: after the wait nobody can tell any more."""

import re
from threading import Event, Thread
from typing import Any

import psycopg
import structlog

from switchyard.pooler import connected

#: Shorter than a statement waits for a lock.
LOOK_SECONDS = 0.4
MOST = 3
MOST_TEXT = 200

# 0 stands for a prepared transaction. Another role's query is shown to none but pg_read_all_stats.
_BLOCKERS = """
    SELECT blocking.pid, usename, host(client_addr), application_name, state, query,
        to_char(xact_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
        extract(epoch FROM clock_timestamp() - xact_start)::int
    FROM (SELECT DISTINCT unnest(pg_blocking_pids(%s))) AS blocking (pid)
    LEFT JOIN pg_stat_activity USING (pid) ORDER BY xact_start LIMIT %s
"""
# The server cuts long queries, and may do so within a literal, which then has no end.
_LITERAL = re.compile(r"'(?:[^']|'')*(?:'|$)")
NOBODY = "a session that was not seen any more"

log = structlog.get_logger("switchyard.process")


class Blockers:
    """Looks, in a thread and on a connection of its own, who blocks the session that is watched."""

    def __init__(self) -> None:
        self._pid = 0
        self._found: dict[int, str] = {}
        self._stop = Event()
        self._thread = Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Blockers":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(LOOK_SECONDS * 10)

    def watch(self, pid: int) -> None:
        """The server's own number of the session, which is another for each transaction behind a pooler."""
        self._pid = pid

    def sentence(self) -> str:
        """Those who were in the way when somebody last was."""
        return "; ".join(self._found.values()) or NOBODY

    def _run(self) -> None:
        link = None
        while not self._stop.wait(LOOK_SECONDS):
            try:
                link = link or connected()
                self._look(link)
            except psycopg.Error as error:
                log.info("blockers_not_seen", reason=str(error).strip())
                link = None
        if link:
            link.close()

    def _look(self, link: "psycopg.Connection[Any]") -> None:
        if not self._pid:
            return
        found = {row[0]: _described(row) for row in link.execute(_BLOCKERS, [self._pid, MOST])}
        if found.keys() - self._found.keys():
            log.warning("waits_for_locks", held_by="; ".join(found.values()))
        self._found = found or self._found


def _described(row: Any) -> str:
    pid, role, host, application, state, query, since, seconds = row
    if not pid:
        return "a prepared transaction (pg_prepared_xacts)"
    where = " ".join(filter(None, (application, host))) or "local"
    said = " ".join(_LITERAL.sub("'...'", query or "").split())[:MOST_TEXT] or "not shown to this role"
    return (
        f"pid {pid} of role {role} ({where}), {state or 'state unknown'}, in a transaction since {since} UTC "
        f"({seconds} s): {said}"
    )
