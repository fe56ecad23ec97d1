"""Bounds how long the statements of migrations wait for locks, whoever wrote them.

What waits for a table's lock stands before everybody who comes after it: behind one long SELECT, a change of
the table keeps the whole service waiting. So such a statement waits for ``LOCK_MILLISECONDS``, gives way, and
tries again later. What it does when it has its locks may take as long as it takes.

The time-out is one of the transaction, as a pooler keeps no other, and begins with the first statement that
locks a table: rows may be waited for before that. In a migration that is no transaction such a statement
becomes one, and it alone is tried again: what came before it is committed. What is CONCURRENT is in nobody's
way while it waits, and would leave an invalid index if it gave up.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import structlog
from django.db import DatabaseError, connection, transaction

from switchyard.postgresql.blockers import Blockers
from switchyard.sqlstate import is_contention, is_lock_timeout

#: Longer than PostgreSQL's own deadlock_timeout (1 s): an autovacuum that is in the way is ended after that.
LOCK_MILLISECONDS = 2000
#: Between two attempts, in which those who had to wait go on; it doubles.
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 10.0

# Unless the migration, or before that the role or the database, asks for less or says otherwise.
_BIND = """
    SELECT pg_backend_pid(), CASE WHEN setting = reset_val THEN
        set_config('lock_timeout', least(nullif(setting::int, 0), %s)::text, true) END
    FROM pg_settings WHERE name = 'lock_timeout'
"""
_COMMENTS = r"\s*(?:(?:/\*.*?\*/|--[^\n]*\n)\s*)*"
_LOCKING = re.compile(
    rf"(?:\A|;){_COMMENTS}(?:ALTER|CREATE|DROP|TRUNCATE|LOCK|COMMENT|REINDEX|CLUSTER|REFRESH|DO)\b",
    re.IGNORECASE | re.DOTALL,
)
#: Among those: what is in nobody's way while it waits, or is not to be had in a transaction.
_ALONE = re.compile(
    r"\bCONCURRENTLY\b|\A\s*(?:ALTER|CREATE|DROP)\s+(?:DATABASE|TABLESPACE|SUBSCRIPTION|SYSTEM)\b",
    re.IGNORECASE,
)
_NEW_INDEX = re.compile(
    r"\s*CREATE\s+(?:UNIQUE\s+)?INDEX\s+CONCURRENTLY\s+(?:IF\s+NOT\s+EXISTS\s+)?(\"[^\"]+\"|[\w.]+)",
    re.IGNORECASE,
)
# Not one that somebody is making at this moment.
_INVALID = """
    SELECT FROM pg_index WHERE indexrelid = to_regclass(%s) AND NOT indisvalid
        AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index AS made WHERE made.index_relid = indexrelid)
"""

T = TypeVar("T")
Execute = Callable[[Any, Any, bool, Any], Any]

log = structlog.get_logger("switchyard.process")


class LocksNotFree(Exception):
    """A lock did not become free by the deadline. Says who holds it."""


def gave_way(error: BaseException) -> bool:
    """Whether a statement ended for the sake of others, and may be tried again."""
    return is_lock_timeout(error) or is_contention(error)


class Bounded:
    """For ``execute_wrapper`` of Django's connection."""

    def __init__(self, deadline: float, blockers: Blockers) -> None:
        self._deadline = deadline
        self._blockers = blockers

    def tried(self, attempt: Callable[[], T]) -> T:
        """Again, after growing pauses, while it gives way to others. Raises LocksNotFree at the deadline."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                return attempt()
            except DatabaseError as error:
                if not gave_way(error):
                    raise
                if time.monotonic() + pause > self._deadline:
                    raise LocksNotFree(self._blockers.sentence()) from error
                log.warning("gave_way", again_in_seconds=pause, held_by=self._blockers.sentence())
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def __call__(self, execute: Execute, sql: Any, params: Any, many: bool, context: Any) -> Any:
        """In a transaction, who began it tries again; a statement outside of one is tried again here."""
        database, text = context["connection"], str(sql)
        run = partial(execute, sql, params, many, context)
        if not _LOCKING.search(text):
            return run()
        if not database.get_autocommit():
            self._bind(execute, context)
            return run()
        if _ALONE.search(text):
            _drop_invalid(text, execute, context)
            self._blockers.watch(database.connection.info.backend_pid)
            return run()
        return self.tried(lambda: self._in_transaction(run, execute, context))

    def _in_transaction(self, run: Callable[[], Any], execute: Execute, context: Any) -> Any:
        with transaction.atomic(context["connection"].alias):
            self._bind(execute, context)
            return run()

    def _bind(self, execute: Execute, context: Any) -> None:
        execute(_BIND, [LOCK_MILLISECONDS], False, context)
        self._blockers.watch(context["cursor"].fetchone()[0])


@contextmanager
def bounded_locks(within_seconds: float) -> Iterator[Bounded]:
    """Statements on the default database wait no longer for a lock, and are tried for so long."""
    with Blockers() as blockers:
        bounded = Bounded(time.monotonic() + within_seconds, blockers)
        with connection.execute_wrapper(bounded):
            yield bounded


def _drop_invalid(statement: str, execute: Execute, context: Any) -> None:
    """An index that was being made when its release was killed is there, useless, and in the way."""
    found = _NEW_INDEX.match(statement)
    if not found:
        return
    execute(_INVALID, [found[1]], False, context)
    if context["cursor"].rowcount:
        log.warning("invalid_index_dropped", index=found[1])
        execute(f"DROP INDEX CONCURRENTLY {found[1]}", None, False, context)
