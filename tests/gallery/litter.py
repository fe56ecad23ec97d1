"""A task that leaves behind all that one can, and one that says what it finds."""

import asyncio
import os
import signal
import socket
import tempfile
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from pathlib import Path
from threading import current_thread, main_thread
from typing import Any

from django.conf import settings
from django.core.cache import caches
from django.db import connection, connections
from django.urls import get_urlconf, set_urlconf
from django.utils import timezone, translation
from structlog.contextvars import bind_contextvars, get_contextvars

from tests.gallery.models import Run

LOCK = 4711
tenant: ContextVar[str] = ContextVar("tenant", default="nobody's")
#: Of a module, as many a project has one for its look-ups.
EXECUTOR = ThreadPoolExecutor(1)


def litter() -> None:
    """In the context, in the database's session, and in a process that has no other tasks."""
    translation.activate("de")
    timezone.activate("Asia/Tokyo")
    set_urlconf("tests.gallery")
    tenant.set("a's")
    bind_contextvars(customer="a")
    _litter_session()
    if current_thread() is main_thread():
        _litter_process()


def _litter_session() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        cursor.execute("CREATE TEMPORARY TABLE leftover ()")
        cursor.execute("LISTEN leftover")
        cursor.execute("SET search_path TO nowhere")
        cursor.execute("BEGIN")


def _litter_process() -> None:
    os.environ["CUSTOMER"] = "a"
    socket.setdefaulttimeout(0.001)
    warnings.simplefilter("error")
    os.chdir(tempfile.gettempdir())
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    signal.setitimer(signal.ITIMER_REAL, 1)


def found() -> dict[str, Any]:
    """What a task is met by that is not as it should be: by its name."""
    seen = {
        "language": (translation.get_language(), settings.LANGUAGE_CODE),
        "time zone": (timezone.get_current_timezone_name(), settings.TIME_ZONE),
        "urlconf": (get_urlconf(), None),
        "tenant": (tenant.get(), "nobody's"),
        "log": (get_contextvars().get("customer"), None),
        **_session(),
    }
    return {name: what for name, (what, wanted) in seen.items() if what != wanted}


def _session() -> dict[str, tuple[Any, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('search_path'), (SELECT count(*) FROM pg_locks WHERE objid = %s"
            " AND locktype = 'advisory'), to_regclass('pg_temp.leftover')::text,"
            " (SELECT count(*) FROM pg_listening_channels()), current_setting('TimeZone')",
            [LOCK],
        )
        path, locks, table, channels, zone = cursor.fetchone()
    return {
        "search_path": (path, '"$user", public'),
        "advisory lock": (locks, 0),
        "temporary table": (table, None),
        "LISTEN": (channels, 0),
        "session's zone": (zone, "UTC"),
    }


def process() -> dict[str, Any]:
    """The same of the process."""
    seen = {
        "environment": ("CUSTOMER" in os.environ, False),
        "socket timeout": (socket.getdefaulttimeout(), None),
        "warnings": (warnings.filters[0][0] == "error", False),
        "working directory": (Path.cwd() == Path(tempfile.gettempdir()), False),
        "signal handler": (signal.getsignal(signal.SIGUSR1) == signal.SIG_IGN, False),
        "alarm": (signal.getitimer(signal.ITIMER_REAL)[0] > 0, False),
    }
    return {name: what for name, (what, wanted) in seen.items() if what != wanted}


def cache_client() -> int:
    """The same number for the same client of the cache."""
    return id(caches["default"])


def count_elsewhere() -> None:
    """Ask the database from threads that are not the task's."""
    asyncio.run(Run.objects.acount())
    asyncio.run(asyncio.to_thread(Run.objects.count))
    EXECUTOR.submit(Run.objects.count).result()
    with ThreadPoolExecutor(1) as own:
        own.submit(Run.objects.count).result()
    assert not connections["default"].connection, "the task's own thread asked nothing"
