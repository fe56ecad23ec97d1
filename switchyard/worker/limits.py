"""Bounds one task in a thread by its time limits. ``switchyard.worker.threads`` does the watching."""

import ctypes
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded


@dataclass(eq=False)
class LimitedCall:
    """A call that can be interrupted by its soft limit, and found to be over its hard one. Seconds."""

    task_id: str
    soft_limit: float | None
    hard_limit: float | None
    #: Called with True and the limit when the soft one has been raised.
    report_soft_limit: Callable[[bool, float | None], None]
    #: The call's place in the executor.
    future: Any = None
    started_at: float | None = None
    ended: bool = False
    interrupted: bool = False
    #: Past the hard limit while it still ran.
    overdue: bool = False
    _thread: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def running(self) -> bool:
        return self.started_at is not None and not self.ended

    def run(self, target: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Call ``target`` in this thread, where SoftTimeLimitExceeded may be raised in it.

        Never after this has returned, when it would hit the thread's next task.
        """
        result = None
        try:
            try:
                self._begin()
                result = target(*args, **kwargs)
            finally:
                self._end()
        except SoftTimeLimitExceeded:
            # It may have come between the end of the target and the end of _end().
            self._end()
            if result is None:
                raise
        return result

    def interrupt_if_due(self) -> bool:
        """Raise SoftTimeLimitExceeded in the call, once, when its soft limit has passed. True if so.

        Python raises it when the thread next runs Python code: a call into C that blocks (a socket without a
        timeout, ``time.sleep``) is not cut short, and sees it when it returns.
        """
        with self._lock:
            if self.interrupted or not self._older_than(self.soft_limit):
                return False
            self.interrupted = True
            _raise_in(self._thread, SoftTimeLimitExceeded)
            return True

    def give_up_if_due(self) -> bool:
        """Mark the call as overdue, once, when its hard limit has passed. True if so."""
        with self._lock:
            if self.overdue or not self._older_than(self.hard_limit):
                return False
            self.overdue = True
            return True

    def _older_than(self, limit: float | None) -> bool:
        return bool(limit and self.running and time.monotonic() - (self.started_at or 0) >= limit)

    def _begin(self) -> None:
        with self._lock:
            self._thread = threading.get_ident()
            self.started_at = time.monotonic()

    def _end(self) -> None:
        """Let nothing more be raised, and take back what was raised but has not arrived yet."""
        with self._lock:
            self.ended = True
            if self.interrupted:
                _take_back(self._thread)


def _raise_in(thread: int, error: type[BaseException]) -> None:
    """Python's only way to interrupt a thread."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(error))


def _take_back(this_thread: int) -> None:
    """Have what may still be on its way arrive here, where it harms nobody.

    To take it back by Python's own way (an exception of NULL) has Python before 3.13 look for it at each of
    its steps from then on, in all threads; and a thread that is profiled or traced never takes another step.
    """
    with suppress(SoftTimeLimitExceeded):
        _raise_in(this_thread, SoftTimeLimitExceeded)
        while True:
            pass
