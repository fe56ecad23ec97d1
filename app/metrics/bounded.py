"""A read that never keeps its caller longer than it may, whatever it waits for."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock, Thread
from typing import Generic, TypeVar

T = TypeVar("T")


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
        return self._running().result(self._wait_seconds)

    def _running(self) -> Future[T]:
        with self._lock:
            if self._current is None or self._current.done():
                self._current = Future()
                # A daemon: a read that hangs must not keep the process from leaving.
                Thread(target=self._run, args=(self._current,), daemon=True).start()
            return self._current

    def _run(self, future: Future[T]) -> None:
        try:
            future.set_result(self._read())
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is asked for
            future.set_exception(error)
