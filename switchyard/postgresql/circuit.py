"""Has nobody wait for a pool whose attempts to connect fail: a circuit breaker.

While a database is away each request would wait its whole time for a connection, and after a few all threads
do, so that the next waits for a thread as well. Here one waits and finds out; the others are told at once.
"""

import time
from threading import Lock
from typing import Any, cast
from weakref import WeakSet

import psycopg

#: How long after an attempt that failed nobody starts another one.
PAUSE_SECONDS = 1.0


class Circuit:
    """Of one pool, from what its attempts to connect came to. Shared between threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._trying = 0
        self._failure: tuple[float, str] | None = None
        self._made: WeakSet[psycopg.Connection[Any]] = WeakSet()

    @property
    def connection_class(self) -> type[psycopg.Connection[Any]]:
        """For the pool's option of that name: connections whose making is noted here."""
        return cast("type[psycopg.Connection[Any]]", type("Connection", (_Watched,), {"circuit": self}))

    def broken(self) -> str:
        """Why waiting is of no use now, or empty: the last attempt failed, no other is due, none is open."""
        with self._lock:
            if self._failure is None or any(not connection.closed for connection in self._made):
                return ""
            failed_at, reason = self._failure
            due = not self._trying and time.monotonic() - failed_at >= PAUSE_SECONDS
            return "" if due else reason

    def begin(self) -> None:
        with self._lock:
            self._trying += 1

    def end(self, outcome: "psycopg.Connection[Any] | BaseException") -> None:
        with self._lock:
            self._trying -= 1
            if isinstance(outcome, BaseException):
                self._failure = time.monotonic(), str(outcome)
            else:
                self._failure = None
                self._made.add(outcome)


class _Watched(psycopg.Connection[Any]):
    circuit: Circuit

    @classmethod
    def connect(cls, conninfo: str = "", **parameters: Any) -> Any:
        cls.circuit.begin()
        try:
            made = super().connect(conninfo, **parameters)
        except BaseException as error:
            cls.circuit.end(error)
            raise
        cls.circuit.end(made)
        return made
