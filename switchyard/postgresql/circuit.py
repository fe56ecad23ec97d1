"""Has nobody wait for a pool whose attempts to connect fail: a circuit breaker.

While a database is away each request would wait its whole time for a connection, and after a few all threads
do, so that the next waits for a thread as well. Here one waits and finds out; the others are told at once.
"""

import time
from math import inf
from threading import Lock
from typing import Any, cast
from weakref import WeakSet

import psycopg

from switchyard.postgresql.patience import Impatient

#: How long after an attempt that failed one waits again, and after how long one that runs counts as failed.
PAUSE_SECONDS = 1.0


class Circuit:
    """Of one pool, from what its attempts to connect came to. Shared between threads."""

    def __init__(self, patience_seconds: float = inf) -> None:
        self._patience_seconds = patience_seconds
        self._lock = Lock()
        self._began_at: list[float] = []
        self._failure: tuple[float, str] | None = None
        self._made: WeakSet[psycopg.Connection[Any]] = WeakSet()

    @property
    def connection_class(self) -> type[psycopg.Connection[Any]]:
        """For the pool's option of that name: connections whose making is noted here."""
        made = type("Connection", (_Watched,), {"circuit": self, "patience_seconds": self._patience_seconds})
        return cast("type[psycopg.Connection[Any]]", made)

    def broken(self) -> str:
        """Why waiting is of no use now, or empty, which says: wait, and see."""
        now = time.monotonic()
        with self._lock:
            if any(not connection.closed for connection in self._made):
                return ""
            if any(now - began >= PAUSE_SECONDS for began in self._began_at):
                return "nothing answers"
            if self._failure is None:
                return ""
            failed_at, reason = self._failure
            if self._began_at or now - failed_at < PAUSE_SECONDS:
                return reason
            # To one; whoever comes after it is told the same as before.
            self._failure = now, reason
            return ""

    def begin(self) -> float:
        """An attempt; what is returned is for ``end``."""
        with self._lock:
            self._began_at.append(now := time.monotonic())
        return now

    def end(self, began: float, outcome: "psycopg.Connection[Any] | BaseException") -> None:
        with self._lock:
            self._began_at.remove(began)
            if not isinstance(outcome, BaseException):
                self._failure = None
                self._made.add(outcome)
        if isinstance(outcome, BaseException):
            self.fail(str(outcome))

    def fail(self, reason: str) -> None:
        """Note that the database does not answer."""
        with self._lock:
            self._failure = time.monotonic(), reason


class _Watched(Impatient):
    circuit: Circuit

    @classmethod
    def connect(cls, conninfo: str = "", **parameters: Any) -> Any:
        began = cls.circuit.begin()
        try:
            made = super().connect(conninfo, **parameters)
        except BaseException as error:
            cls.circuit.end(began, error)
            raise
        cls.circuit.end(began, made)
        return made
