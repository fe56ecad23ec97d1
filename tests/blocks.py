"""Counts what PostgreSQL reads for a piece of code: blocks of our tables, and entries of their indexes."""

from collections.abc import Callable

from django.db import connection, transaction

# Rows that are gone and lie in one block are one block, and as many entries.
_READ = """
    SELECT coalesce(sum(
        pg_stat_get_xact_blocks_fetched(oid)
        + CASE relkind WHEN 'i' THEN pg_stat_get_xact_tuples_returned(oid) ELSE 0 END
    ), 0)::int FROM pg_class
    WHERE relkind IN ('r', 'i') AND relname ~ '^(switchyard|django_celery)_'
"""


def blocks_read_by(do: Callable[[], object]) -> int:
    """In one transaction, for they are counted for each."""
    with transaction.atomic():
        before = _blocks_read()
        do()
        return _blocks_read() - before


def _blocks_read() -> int:
    with connection.cursor() as cursor:
        cursor.execute(_READ)
        return int(cursor.fetchone()[0])
