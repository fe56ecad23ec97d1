"""Sets the clock of a database for all who ask it, as a host with a wrong clock would.

Functions of the same names stand before PostgreSQL's own, for each connection that is made from then on.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg
from django.db import connection

INSTALL = """
    CREATE SCHEMA wrong_clock;
    CREATE TABLE wrong_clock.ahead (ahead) AS SELECT interval '0';
    CREATE FUNCTION wrong_clock.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
        'SELECT pg_catalog.clock_timestamp() + ahead FROM wrong_clock.ahead';
    CREATE FUNCTION wrong_clock.statement_timestamp() RETURNS timestamptz LANGUAGE sql STABLE AS
        'SELECT pg_catalog.statement_timestamp() + ahead FROM wrong_clock.ahead';
    CREATE FUNCTION wrong_clock.now() RETURNS timestamptz LANGUAGE sql STABLE AS
        'SELECT pg_catalog.now() + ahead FROM wrong_clock.ahead';
"""


class DatabaseClock:
    """``link`` commits by itself."""

    def __init__(self, link: "psycopg.Connection[Any]") -> None:
        self._link = link

    def set_ahead(self, by: timedelta) -> None:
        """For who is connected as well, if the clock was installed before."""
        self._link.execute("UPDATE wrong_clock.ahead SET ahead = %s", [by])

    def install(self) -> None:
        self._link.execute(INSTALL)
        self._of_new_connections("SET search_path = public, wrong_clock, pg_catalog")

    def remove(self) -> None:
        self._of_new_connections("RESET search_path")
        self._link.execute("DROP SCHEMA wrong_clock CASCADE")

    def _of_new_connections(self, what: str) -> None:
        self._link.execute(f'ALTER DATABASE "{self._link.info.dbname}" {what}')


@contextmanager
def database_clock() -> Iterator[DatabaseClock]:
    """Of the test's own database."""
    with connection.get_new_connection(connection.get_connection_params()) as link:
        link.autocommit = True
        clock = DatabaseClock(link)
        clock.install()
        try:
            yield clock
        finally:
            clock.remove()
