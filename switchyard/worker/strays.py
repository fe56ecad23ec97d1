"""Looks after the database connections that a task has opened in other threads than its own.

Async ORM runs in a thread of asgiref's, ``asyncio.to_thread`` and a ``ThreadPoolExecutor`` in theirs. Django
and Celery close, at a task's end, those of the task's own thread: one of another would be kept for as long as
the process lives, broken or not, and one of a thread that has ended would never come back to the pool.

A connection cannot be closed from outside of the thread that uses it, which may be in the midst of another
task's statement. So it is checked there, before its next statement, and replaced if it does not answer.
"""

from threading import Lock, Thread, current_thread
from typing import Any
from weakref import WeakSet

from django.db.backends.signals import connection_created

#: The threads that run tasks, whose connections Celery closes.
_slots: "WeakSet[Thread]" = WeakSet()
#: Each connection (Django's) by its identity, with its thread.
_strays: dict[int, tuple[Any, Thread]] = {}
_lock = Lock()


def connect() -> None:
    """Note them in this process and its children."""
    connection_created.connect(_note)


def in_slot() -> None:
    """This thread runs tasks."""
    _slots.add(current_thread())


def look_after() -> None:
    """At the end of each task: of its own connections in other threads nothing else tells."""
    if not _strays:
        return
    with _lock:
        strays = list(_strays.items())
    for key, (connection, thread) in strays:
        if not thread.is_alive():
            _close(connection)
        elif connection.connection is not None and thread not in _slots:
            _have_checked(connection)
            continue
        with _lock:
            _strays.pop(key, None)


def _note(connection: Any, **_: Any) -> None:
    thread = current_thread()
    if thread not in _slots:
        with _lock:
            _strays[id(connection)] = connection, thread


def _have_checked(connection: Any) -> None:
    """Django checks a connection before its next statement if it has not been since this was set.

    Inside a transaction there is nothing to save.
    """
    if not connection.in_atomic_block:
        connection.health_check_enabled = True
        connection.health_check_done = False


def _close(connection: Any) -> None:
    """Of a thread that has ended, and that therefore nobody uses."""
    connection.inc_thread_sharing()
    try:
        connection.close()
    finally:
        connection.dec_thread_sharing()
