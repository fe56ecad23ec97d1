"""Reads one source of a scrape, which may be late or away without costing the others."""

import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, Protocol, TypeVar

import structlog

T = TypeVar("T")

log = structlog.get_logger("switchyard.metrics")


class Read(Protocol[T]):
    def begin(self) -> "Future[T]": ...


class Source(Generic[T]):
    """Says in the log when it becomes unreadable or readable, not at each scrape."""

    def __init__(self, name: str, read: Read[T]) -> None:
        self._read = read
        self._name = name
        self._trouble = False

    def begun(self, deadline: float) -> Callable[[], T | None]:
        """Begin to read, and return what to call for what was read.

        That is None if it failed, or is not there at ``deadline`` (monotonic).
        """
        begun = self._read.begin()
        return lambda: self._value(begun, deadline)

    def _value(self, begun: "Future[T]", deadline: float) -> T | None:
        try:
            found = begun.result(max(0.0, deadline - time.monotonic()))
        except TimeoutError:
            self._say("no answer in time")
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this part's alone
            self._say(f"{type(error).__name__}: {str(error).strip()}")
        else:
            self._say("")
            return found
        return None

    def _say(self, trouble: str) -> None:
        if trouble and not self._trouble:
            log.warning("unreadable", part=self._name, reason=trouble)
        elif self._trouble and not trouble:
            log.info("readable", part=self._name)
        self._trouble = bool(trouble)
