"""A file whose age says how long ago a worker or beat last made progress; what a liveness probe reads.

A ping answers while nothing is consumed; this file is touched by the consumer's own event loop, which stands
still while the connection to the broker is lost.
"""

from pathlib import Path
from typing import Any

from celery.bootsteps import StartStopStep
from django.conf import settings

INTERVAL_SECONDS = 5


def touch() -> None:
    path: Path = settings.HEARTBEAT_FILE
    path.touch()


class HeartbeatStep(StartStopStep):
    """Touch the file every INTERVAL_SECONDS from when the consumer takes messages until it is stopped."""

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
