"""Decides how long a retry waits: as its author has said, and longer each time where nobody has.

| said of the task, or of a base of it               | a retry without a countdown waits               |
|----------------------------------------------------|-------------------------------------------------|
| nothing                                            | ``BACKOFF_SECONDS * 2**n``, at most             |
|                                                    | ``LONGEST_SECONDS``, with jitter                |
| ``retry_backoff``                                  | that times ``2**n``, by ``retry_backoff_max``   |
|                                                    | and ``retry_jitter``, as with ``autoretry_for`` |
| ``retry_backoff=False`` or ``default_retry_delay`` | ``default_retry_delay``, which is Celery's      |
|                                                    | 180 s where it is not said                      |

What ``autoretry_for`` has made of ``retry_backoff`` and ``retry_kwargs`` is a countdown.
"""

from typing import Any

from celery import Task
from celery.utils.time import get_exponential_backoff_interval

BACKOFF_SECONDS = 2
LONGEST_SECONDS = 600
MOST_RETRIES = 5


def is_said(task: type, name: str) -> bool:
    """Whether somebody has, rather than Celery, whose value it is otherwise."""
    return next(each for each in task.__mro__ if name in vars(each)) is not Task


def backoff_of(task: Any) -> tuple[int, int] | None:
    """The first and the longest wait of a task that waits longer each time, in seconds."""
    if is_said(task.__class__, "default_retry_delay"):
        return None
    factor = getattr(task, "retry_backoff", BACKOFF_SECONDS)
    longest = getattr(task, "retry_backoff_max", LONGEST_SECONDS)
    return (int(max(1, factor)), int(longest)) if factor else None


def countdown_of(task: Any) -> int | None:
    """Seconds until the next run of the one that is running. None: ``default_retry_delay``."""
    backoff = backoff_of(task)
    if backoff is None:
        return None
    first, longest = backoff
    jitter = getattr(task, "retry_jitter", True)
    return get_exponential_backoff_interval(first, task.request.retries, longest, jitter)


class OverriddenRetries:
    """Attribute in which Celery keeps the ``max_retries`` of a call of ``retry`` until its run has ended.

    Celery's own is the task's, which is one for all runs and threads: what one has said is then said for all.
    Here it is the request's.
    """

    def __set_name__(self, _: type, name: str) -> None:
        self._name = name

    def __get__(self, task: Any, _: type) -> Any:
        try:
            return vars(task.request)[self._name]
        except (AttributeError, KeyError):
            raise AttributeError(self._name) from None

    def __set__(self, task: Any, value: Any) -> None:
        vars(task.request)[self._name] = value

    def __delete__(self, task: Any) -> None:
        vars(task.request).pop(self._name, None)
