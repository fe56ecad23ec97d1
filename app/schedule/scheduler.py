"""The scheduler that beat runs."""

import signal
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from django_celery_beat.schedulers import DatabaseScheduler

from app.tasks import heartbeat

R = TypeVar("R")


def undisturbed(method: Callable[..., R]) -> Callable[..., R]:
    """Let SIGTERM and SIGINT wait until the method has returned.

    Celery's handler saves the schedule and raises SystemExit, wherever beat is at that moment. In the middle
    of a query or a publish that exception was seen to be swallowed, and beat went on until it was killed.
    """

    @wraps(method)
    def run(*args: Any, **kwargs: Any) -> R:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
        try:
            return method(*args, **kwargs)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    return run


class Scheduler(DatabaseScheduler):  # type: ignore[misc]
    """django-celery-beat's, which also touches the heartbeat file: its age is the age of the last tick."""

    @undisturbed
    def setup_schedule(self) -> None:
        super().setup_schedule()

    @undisturbed
    def sync(self) -> None:
        super().sync()

    @undisturbed
    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send what is due. Returns the seconds until the next look, at most ``beat_max_loop_interval``."""
        seconds: float = super().tick(*args, **kwargs)
        heartbeat.touch()
        return seconds
