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
    return grown_by(do, _READ)


def grown_by(do: Callable[[], object], count: str) -> int:
    """What the statement ``count`` says after it, beyond what it said before.

    In one transaction, for PostgreSQL counts for each.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        before = cursor.execute(count).fetchone()[0]
        do()
        return int(cursor.execute(count).fetchone()[0] - before)
