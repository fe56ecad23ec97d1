"""Has a worker stand still over a database that is not that of its settings.

| event        | fields                             |
|--------------|------------------------------------|
| stands_still | reason: whose database it is       |

It waits before it takes its first message. One that runs already when the database is replaced by a clone
drains and ends; who started it starts it again, and that one waits.
"""

import os
import signal
import time
from threading import Thread
from typing import Any

import structlog
from celery import bootsteps
from django.db import Error, connections

from switchyard import heartbeat
from switchyard.identity.installation import foreign

LOOK_SECONDS = 2.0

log = structlog.get_logger("switchyard.tasks")


class OwnershipStep(bootsteps.Step):
    """Of the worker, before its pool and its consumer are made."""

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        _wait_until_ours()
        Thread(target=_watch, name="ownership", daemon=True).start()


def _wait_until_ours() -> None:
    said = ""
    while found := _foreign():
        if found != said:
            said = found
            log.error("stands_still", reason=found)
        # It is as it should be, and is not to be ended for it.
        heartbeat.touch()
        time.sleep(LOOK_SECONDS)


def _watch() -> None:
    while not (found := _foreign()):
        time.sleep(LOOK_SECONDS)
    log.error("stands_still", reason=found)
    os.kill(os.getpid(), signal.SIGTERM)


def _foreign() -> str:
    """A database that is away is somebody else's to notice."""
    try:
        return foreign()
    except Error:
        return ""
    finally:
        # Of this thread, and not to be inherited by a child.
        connections.close_all()
