"""Ends a statement that somebody waits for in vain: a lock that is held, a server that is frozen.

Here, in the client, and not by ``statement_timeout``: that of a session is met by others behind a pooler, and
a server that is frozen ends nothing. The connection is closed: what the server would still say is for nobody.
"""

import time
from collections.abc import Generator
from contextlib import suppress
from typing import Any

import psycopg

#: For the request to cancel, which goes to the server by a connection of its own.
CANCEL_SECONDS = 1.0


class Impatient(psycopg.Connection[Any]):
    """A connection whose statements take no longer than ``patience_seconds``."""

    patience_seconds: float

    def wait(self, gen: Any, *args: Any, **kwargs: Any) -> Any:
        return super().wait(self._bounded(gen), *args, **kwargs)

    def _bounded(self, gen: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        """psycopg comes by ten times a second while nothing comes from the server."""
        deadline = time.monotonic() + self.patience_seconds
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if not ready and time.monotonic() > deadline:
                    self._give_up()
                wanted = gen.send(ready)
        except StopIteration as end:
            return end.value

    def _give_up(self) -> None:
        with suppress(psycopg.Error):
            self.cancel_safe(timeout=CANCEL_SECONDS)
        self.close()
        raise psycopg.OperationalError(
            f"a statement was given up after {self.patience_seconds:g} s (WEB_QUERY_SECONDS): its table may "
            "be locked, or the server does not answer"
        )
