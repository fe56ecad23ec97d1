"""Tells from where an error came, by the code that it has passed: its class says only what it is.

A task may have brokers, pools and databases of its own, with errors of the same classes. What those have is
the task's affair; what ours have is not its fault.
"""

from collections.abc import Iterator
from traceback import walk_tb
from types import FrameType
from typing import Any

from celery import Celery
from django.db import DEFAULT_DB_ALIAS
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import DatabaseErrorWrapper


def is_of_own_sender(error: BaseException, app: Celery) -> bool:
    """Whether it came from sending a task of this app, by whatever way."""
    return any(frame.f_locals["self"] is app for frame in _passed(error, Celery.send_task))


def is_of_own_database(error: BaseException) -> bool:
    """Whether it came from a connection of Django's to the database that has the engine's tables."""
    wrappers = (frame.f_locals["self"].wrapper for frame in _passed(error, DatabaseErrorWrapper.__exit__))
    return any(wrapper.alias == DEFAULT_DB_ALIAS for wrapper in wrappers)


def is_of_connecting(error: BaseException) -> bool:
    """Whether there was no connection yet on which a statement could have done any harm."""
    return any(_passed(error, BaseDatabaseWrapper.ensure_connection))


def _passed(error: BaseException, function: Any) -> Iterator[FrameType]:
    return (frame for frame, _ in walk_tb(error.__traceback__) if frame.f_code is _code(function))


def _code(function: Any) -> Any:
    # Django wraps some of its own to be called by no coroutine.
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return function.__code__
