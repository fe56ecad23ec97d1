"""Checks that what is declared works behind a pooler in transaction mode, if the database is behind one.

| id       | found                                                     |
|----------|-----------------------------------------------------------|
| yard.W2  | server-side cursors, or prepared statements, of a session |

Asks the database, and so only in ``check --database default``, ``migrate`` and ``release``. One that is away
is none of this.
"""

from collections.abc import Iterator

import psycopg
from django.core import checks
from django.core.checks import CheckMessage
from django.db import DEFAULT_DB_ALIAS, connections

from switchyard.pooler import shares_sessions

BEHIND = "DATABASE_URL leads through a pooler in transaction mode (PgBouncer), and"


def settings_fit_the_pooler() -> Iterator[CheckMessage]:
    declared = connections[DEFAULT_DB_ALIAS].settings_dict
    try:
        if not shares_sessions():
            return
    except psycopg.Error:
        return
    if not declared.get("DISABLE_SERVER_SIDE_CURSORS"):
        yield _warning(
            "server-side cursors are on: QuerySet.iterator() fails where the pooler gives the next "
            "statement another session (cursor does not exist).",
            "DATABASES['default']['DISABLE_SERVER_SIDE_CURSORS'] = True (DISABLE_SERVER_SIDE_CURSORS=true in "
            "the environment of the example's settings)",
        )
    if declared["OPTIONS"].get("prepare_threshold") is not None:
        yield _warning(
            "prepared statements are on: they fail (prepared statement does not exist) but through PgBouncer "
            "1.21 and later with max_prepared_statements above 0.",
            "no prepare_threshold in DATABASES['default']['OPTIONS']",
        )


def _warning(found: str, remedy: str) -> CheckMessage:
    return checks.Warning(
        f"{BEHIND} {found}",
        hint=f"Have {remedy}, or connect to PostgreSQL itself or to a pool in session mode.",
        id="yard.W2",
    )


DATABASE_RULES = (settings_fit_the_pooler,)
