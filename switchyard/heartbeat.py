"""Touches a file as a worker, beat or relay makes progress; a liveness probe reads its age.

A ping answers while nothing is consumed. This file is touched by what does the work.
"""

import time
from pathlib import Path
from typing import Any

from celery.bootsteps import StartStopStep

from switchyard.conf import conf

INTERVAL_SECONDS = 5


def touch() -> None:
    """Say that progress was made just now."""
    path: Path = conf.HEARTBEAT_FILE
    path.touch()


def age_seconds() -> float | None:
    """Since the last progress; None before the first."""
    path: Path = conf.HEARTBEAT_FILE
    try:
        return max(0.0, time.time() - path.stat().st_mtime)
    except FileNotFoundError:
        return None


class HeartbeatStep(StartStopStep):
    """A worker's: touches the file every INTERVAL_SECONDS from when it takes messages until it is stopped.

    By the consumer's own event loop, which stands still while the connection to the broker is lost.
    """

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **_: Any) -> None:
        super().__init__(consumer)
        self.timer: Any = None

    def start(self, consumer: Any) -> None:
        touch()
        self.timer = consumer.timer.call_repeatedly(INTERVAL_SECONDS, touch)

    def stop(self, consumer: Any) -> None:
        """The consumer lost its connection or the worker is ending: the file is left to grow old."""
        if self.timer:
            self.timer.cancel()
            self.timer = None
