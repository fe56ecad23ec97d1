"""Waits for a commit with rows: PostgreSQL says so at once, and a poll finds what it could not say.

A pooler in transaction mode (PgBouncer) takes a LISTEN, leaves it in a session that others are given, and
hands no notification on, without a word. Where there is one nobody listens; and as not every pooler is
recognised, each new listener is sent a notification by another session, and only who has heard it is relied
on.
"""

import time
from typing import Any

import psycopg
import structlog
from django.db import Error
from psycopg.sql import SQL, Identifier

from switchyard.installation import channel
from switchyard.pooler import connected, shares_sessions

#: Between two looks while nothing is heard.
UNHEARD_POLL_SECONDS = 0.1
#: For the notification that was sent to ourselves.
PROOF_SECONDS = 5.0

log = structlog.get_logger("switchyard.outbox")


class Wake:
    """A connection of its own that listens. Without it the poll remains, and is more frequent."""

    def __init__(self) -> None:
        #: Whether a notification has come; None as long as that is to be seen, False once it was given up.
        self.hears: bool | None = None
        self._listener: psycopg.Connection[Any] | None = None
        self._prove_until = 0.0
        self._said = False

    def wait(self, seconds: float) -> None:
        """Return when rows were committed since the last call, at the latest after so many seconds."""
        seconds = seconds if self.hears else min(seconds, UNHEARD_POLL_SECONDS)
        deadline = time.monotonic() + seconds
        if self.hears is not False:
            try:
                self._listen(seconds)
            except (psycopg.Error, Error) as error:
                self._say_once(str(error).strip())
                self.hears = None
                self.close()
            else:
                return
        time.sleep(max(0.0, deadline - time.monotonic()))

    def close(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _listen(self, seconds: float) -> None:
        if self._listener is None and shares_sessions():
            self._give_up()
            return
        for _ in self._listening().notifies(timeout=seconds, stop_after=1):
            self.hears, self._said = True, False
        if self.hears is None and time.monotonic() > self._prove_until:
            self._listening().execute("UNLISTEN *")
            self._give_up()

    def _give_up(self) -> None:
        self.hears = False
        self.close()
        self._say_once(
            "No notification comes: DATABASE_URL leads through a pooler in transaction mode. The outbox is "
            f"looked at every {UNHEARD_POLL_SECONDS} s instead. For less delay and load, have the relay "
            "connect to PostgreSQL itself."
        )

    def _say_once(self, reason: str) -> None:
        if not self._said:
            log.warning("not_listening", reason=reason)
        self._said = True

    def _listening(self) -> "psycopg.Connection[Any]":
        if self._listener is None:
            name = Identifier(channel())
            self._listener = connected()
            self._listener.execute(SQL("LISTEN {}").format(name))
            self._prove_until = time.monotonic() + PROOF_SECONDS
            with connected() as another:
                another.execute(SQL("NOTIFY {}").format(name))
        return self._listener
