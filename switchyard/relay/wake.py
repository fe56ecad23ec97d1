"""Waits for a commit with rows: PostgreSQL says so at once, and a poll finds what it could not say."""

import time

import psycopg
import structlog
from django.db import connection

from switchyard.deadline import CONNECT_SECONDS
from switchyard.outbox.rows import CHANNEL

log = structlog.get_logger("switchyard.outbox")


class Wake:
    """A connection of its own that listens. Without it (a pooler that cannot listen) the poll remains."""

    def __init__(self) -> None:
        self._listener: psycopg.Connection[tuple[object, ...]] | None = None
        self._said = False

    def wait(self, seconds: float) -> None:
        """Return when rows were committed since the last call, at the latest after so many seconds."""
        deadline = time.monotonic() + seconds
        try:
            for _ in self._listening().notifies(timeout=seconds, stop_after=1):
                pass
        except psycopg.Error as error:
            self._say_once(error)
            self.close()
            time.sleep(max(0.0, deadline - time.monotonic()))

    def close(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _say_once(self, error: psycopg.Error) -> None:
        if not self._said:
            log.warning("not_listening", reason=str(error).strip())
        self._said = True

    def _listening(self) -> psycopg.Connection[tuple[object, ...]]:
        if self._listener is None:
            parameters = connection.get_connection_params() | {
                "autocommit": True,
                "connect_timeout": CONNECT_SECONDS,
            }
            parameters.pop("cursor_factory", None)
            self._listener = psycopg.connect(**parameters)
            self._listener.execute(f"LISTEN {CHANNEL}")
            self._said = False
        return self._listener
