"""Bounds how long a read may keep its caller, whatever it waits for."""

import time
from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock, Thread
from typing import Generic, TypeVar

from django.db import connections

T = TypeVar("T")

#: How long a server may take to answer a connect.
CONNECT_SECONDS = 3


class BoundedRead(Generic[T]):
    """Runs ``read`` in a thread, one at a time: callers that come meanwhile share it, and none waits longer.

    Timeouts of the client alone would not do: they begin anew with each address and each packet, and looking
    up a name has none.
    """

    def __init__(self, read: Callable[[], T], wait_seconds: float) -> None:
        self._read = read
        self._wait_seconds = wait_seconds
        self._lock = Lock()
        self._current: Future[T] | None = None

    def result(self) -> T:
        """What was read. Raises TimeoutError, or what ``read`` raised."""
        return self.begin().result(self._wait_seconds)

    def begin(self) -> Future[T]:
        """The read that is running, begun if there was none, for who has other things to wait for as well."""
        with self._lock:
            if self._current is None or self._current.done():
                self._current = Future()
                # A daemon: a read that hangs must not keep the process from leaving.
                Thread(target=self._run, args=(self._current,), daemon=True).start()
            return self._current

    def _run(self, future: Future[T]) -> None:
        try:
            try:
                found = self._read()
            finally:
                # The thread's own, which ends here: nobody else would, and a pool would miss them.
                connections.close_all()
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is asked for
            future.set_exception(error)
        else:
            future.set_result(found)


class SlowRead(Generic[T]):
    """What costs too much to be read at each scrape: read every ``every_seconds``, when somebody asks."""

    def __init__(self, read: Callable[[], T], every_seconds: float) -> None:
        self._read = BoundedRead(read, 0)
        self._every_seconds = every_seconds
        self._due = time.monotonic()
        self._known: Future[T] | None = None
        self._running: Future[T] | None = None

    def begin(self) -> Future[T]:
        """The last read that is over, as long as the next is not; the first itself."""
        if self._running is None or (self._running.done() and time.monotonic() >= self._due):
            self._due = time.monotonic() + self._every_seconds
            self._known, self._running = self._running, self._read.begin()
        overdue = time.monotonic() >= self._due
        return self._running if self._known is None or self._running.done() or overdue else self._known
