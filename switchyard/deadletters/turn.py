"""Has those who walk through the dead letters do so one after another: what one holds the others do not see.

The turn is an advisory lock on a connection of its own, and gone with its process. It saves people surprises;
that each dead letter is replayed once rests on its record (switchyard/deadletters/actions.py).
"""

from types import TracebackType
from typing import Any, Self

import psycopg
from django.db import Error
from psycopg.sql import SQL

from switchyard.installation import lock
from switchyard.outage import NotYet, first_line
from switchyard.pooler import connected_for_lock, try_lock

#: The letters of "dead" (switchyard/installation.py).
DEAD = int.from_bytes(b"dead")

# A walk may take an hour; the turn is idle so long, and not to be ended for it.
_STAY = """
    SELECT set_config(name, '0', %s) FROM pg_settings
    WHERE name IN ('idle_in_transaction_session_timeout', 'idle_session_timeout', 'transaction_timeout')
"""


class Turn:
    """Not shared between threads. Twice released is harmless."""

    def __init__(self) -> None:
        self._link: psycopg.Connection[Any] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def take(self) -> bool:
        """Whether it is ours now; it is not waited for. Raises NotYet while the database is away."""
        try:
            link = self._link = self._link or connected_for_lock()
            asked = SQL("SELECT {}(%s, %s::bigint::oid::int)").format(try_lock(link))
            row = link.execute(asked, lock(DEAD)).fetchone()
            if not (row and row[0]):
                self.release()
                return False
            link.execute(_STAY, [not link.autocommit])
        except (psycopg.Error, Error) as error:
            self.release()
            raise NotYet(f"PostgreSQL did not answer ({first_line(error)}).") from error
        return True

    def release(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.close()
