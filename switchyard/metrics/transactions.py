"""Measures what keeps dead rows in the database, and how many there are.

Every row that was deleted since the oldest transaction began is kept for it, in every table. A database user
sees how old another's transaction is only as a member of ``pg_read_all_stats``; those it cannot see are
counted.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from django.db import connection
from prometheus_client.metrics_core import Metric

from switchyard.metric import gauge, labelled
from switchyard.postgresql.name import AT
from switchyard.text import printable, shortened

#: Characters of an owner's name, which anybody may choose.
LONGEST_OWNER = 60

# Whose, and not which pod's: that another pod of the role has it is no end of it.
# Prepared transactions have no session: they stay until somebody ends them by their name.
_OLDEST = f"""
    SELECT extract(epoch FROM clock_timestamp() - began)::float, owner FROM (
        SELECT xact_start, concat_ws(' ', usename, nullif(split_part(application_name, '{AT}', 1), ''))
        FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()
        UNION ALL
        SELECT prepared, owner || ' (prepared)' FROM pg_prepared_xacts WHERE database = current_database()
    ) AS open (began, owner)
    WHERE began IS NOT NULL ORDER BY began LIMIT 1
"""  # noqa: S608 - a constant of ours
_HIDDEN = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND query = '<insufficient privilege>'
"""
# Another schema of the database may have tables of the same names.
_DEAD = """
    SELECT relname, n_dead_tup FROM pg_stat_user_tables
    WHERE relname ~ '^(switchyard|django_celery)_' AND pg_table_is_visible(relid)
"""


@dataclass(frozen=True, slots=True)
class Transactions:
    """Of this database, our own look apart."""

    oldest_seconds: float = 0.0
    #: The database user and the name that the client gave itself; empty if no transaction is open.
    owner: str = ""
    #: Sessions whose transactions we may not see.
    hidden: int = 0
    #: Table of ours, results and schedule included, to its rows that are gone and not cleaned up, about.
    dead_rows: dict[str, int] = field(default_factory=dict)


def read_transactions() -> Transactions:
    """Raises django.db.Error."""
    with connection.cursor() as cursor:
        cursor.execute(_OLDEST)
        seconds, owner = cursor.fetchone() or (0.0, "")
        cursor.execute(_HIDDEN)
        (hidden,) = cursor.fetchone()
        cursor.execute(_DEAD)
        dead = dict(cursor.fetchall())
    return Transactions(max(0.0, seconds), shortened(printable(owner), LONGEST_OWNER), hidden, dead)


def transaction_metrics(found: Transactions) -> Iterator[Metric]:
    oldest = {found.owner: found.oldest_seconds}
    yield labelled("database_oldest_transaction_seconds", "Since the oldest began.", "owner", oldest)
    yield gauge("database_hidden_sessions", "Whose transactions we may not see.", found.hidden)
    dead: dict[str, float | None] = {**found.dead_rows}
    yield labelled("database_dead_rows", "Gone, and not cleaned up.", "table", dead)
