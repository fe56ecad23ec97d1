"""A schema of its own in the test's database: another installation, with tables of its own."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from tests.database_entry import changed

#: With all that their migrations need.
APPS = {"switchyard", "accounts"}


@contextmanager
def installed_in(schema: str) -> Iterator[str]:
    """Until the block ends. Other apps have no tables in it."""
    _run(f"CREATE SCHEMA {schema}")
    try:
        with seen_from(schema):
            executor = MigrationExecutor(connection)
            executor.migrate([key for key in executor.loader.graph.leaf_nodes() if key[0] in APPS])
        yield schema
    finally:
        _run(f"DROP SCHEMA {schema} CASCADE")


@contextmanager
def seen_from(schema: str) -> Iterator[None]:
    """Have Django, and what connects beside it, find the tables of that schema."""
    with changed() as database:
        database["OPTIONS"]["options"] = f"-c search_path={schema}"
        yield


def _run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
    connection.close()
