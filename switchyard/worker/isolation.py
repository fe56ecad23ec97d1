"""Runs each task in a context of its own, whatever the task before it has left in the thread.

Language, time zone, URL configuration, a tenant, what a log line says: Django, structlog and most libraries
keep these in context variables, and a thread or a child process runs one task after another. Each one gets a
copy of what was there before the first.
"""

from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from threading import local
from typing import TypeVar

from django.core.cache import caches
from django.core.cache.backends.base import InvalidCacheBackendError

from switchyard.worker import strays

T = TypeVar("T")


#: Of each thread: whether it has run a task.
_thread = local()


def in_own_context(target: Callable[..., T], *args: object, **kwargs: object) -> T:
    """Call ``target``, and forget what it has set in context variables."""
    if not hasattr(_thread, "prepared"):
        _prepare()
        _thread.prepared = True
    return copy_context().run(target, *args, **kwargs)


def _prepare() -> None:
    """Before a thread's first task.

    Django keeps the clients of caches in a context variable too: made by a task, they would be forgotten with
    its context, and each task would connect anew.
    """
    strays.in_slot()
    # A cache that cannot be made is the matter of the task that uses it.
    with suppress(InvalidCacheBackendError, ImportError):
        caches.all()
