"""Tells by SQLSTATE what a database's error is about: the server, somebody else's lock, or the statement.

Only of errors that Django raised, and so of its own connections. A driver that a task uses by hand is for
that task to judge.
"""

import re

import psycopg
from django.db import Error

#: The server ends connections, or lets none in: connection exceptions (08...), too many connections, and
#: shutting down, having crashed and starting up.
AWAY = {"53300", "57P01", "57P02", "57P03"}
CONNECTION_CLASS = "08"
#: What a standby, or a server that was made read-only, says to a write.
READ_ONLY = "25006"
#: Serialisation failure and deadlock: PostgreSQL chose this transaction, and it may simply run again.
CONTENTION = {"40001", "40P01"}
#: A lock was not free in the time that ``lock_timeout`` gives, or at once where that was asked for.
LOCK_TIMEOUT = "55P03"
#: Ended by a time-out of its own, or by somebody's hand.
CANCELLED = "57014"
#: What CREATE EXTENSION says where the server has no files of it: not supported, or once, no such file.
NO_FILES = {"0A000", "58P01"}


def is_away(error: BaseException) -> bool:
    """Whether the server is gone, failing over, full or read-only, or no connection of the pool came free."""
    cause = _driver_error(error)
    if cause is None:
        return False
    if cause.sqlstate is None:
        return is_broken(error)
    return cause.sqlstate in AWAY or cause.sqlstate.startswith(CONNECTION_CLASS) or is_read_only(error)


def is_broken(error: BaseException) -> bool:
    """Whether no server said it: there was none, or it fell silent."""
    cause = _driver_error(error)
    return isinstance(cause, psycopg.OperationalError) and cause.sqlstate is None


def is_read_only(error: BaseException) -> bool:
    """Whether a server, not the transaction itself, refused to write."""
    cause = _driver_error(error)
    return cause is not None and cause.sqlstate == READ_ONLY and not getattr(cause, "by_choice", False)


def is_contention(error: BaseException) -> bool:
    """Whether the transaction gave way to another one."""
    cause = _driver_error(error)
    return cause is not None and cause.sqlstate in CONTENTION


def is_lock_timeout(error: BaseException) -> bool:
    """Whether a lock was not free in time."""
    cause = _driver_error(error)
    return cause is not None and cause.sqlstate == LOCK_TIMEOUT


def missing_extension(error: BaseException) -> str:
    """The name of the extension that was to be created and that the server has no files of; or empty."""
    cause = _driver_error(error)
    if cause is None or cause.sqlstate not in NO_FILES:
        return ""
    named = re.search(r'extension "([^"]+)"|extension/([^"]+)\.control', str(cause))
    return (named.group(1) or named.group(2)) if named else ""


def is_cancelled(error: BaseException) -> bool:
    """Whether the statement took longer than it was allowed to."""
    cause = _driver_error(error)
    return cause is not None and cause.sqlstate == CANCELLED


def _driver_error(error: BaseException) -> psycopg.Error | None:
    cause = error.__cause__
    return cause if isinstance(error, Error) and isinstance(cause, psycopg.Error) else None
