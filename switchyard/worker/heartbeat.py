"""Touches a worker's heartbeat file while it takes messages.

By the consumer's own event loop, which stands still while the connection to the broker is lost.
"""

from typing import Any

from celery.bootsteps import StartStopStep

from switchyard.heartbeat import touch

INTERVAL_SECONDS = 5


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
