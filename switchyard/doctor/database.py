"""Looks at the database: whether it lets us in, what we may there, its clock, its tables and whose it is."""

import time
from collections.abc import Callable
from typing import Any

import psycopg
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from switchyard.conf import conf
from switchyard.doctor.look import Found, Look, NotSeen
from switchyard.identity.installation import foreign
from switchyard.outage import first_line
from switchyard.pooler import connected
from switchyard.postgresql.limits import in_limits
from switchyard.postgresql.sessions import waiting

#: Clocks further apart are wrong for everybody: DatabaseClockWrong's.
APART_SECONDS = 30
#: A wait for a lock that is shorter is ordinary.
LOCKED_SECONDS = 5
#: Missing rights that are named.
MOST = 3
RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE")

_SERVER = """
    SELECT current_setting('server_version'), current_user::text,
        current_setting('transaction_read_only') = 'on', extract(epoch FROM clock_timestamp())::float
"""
# Of the tables of ours, of results and of the schedule. One that is not there is a migration's matter.
_MISSING = """
    SELECT count(DISTINCT relname),
        array_agg("right" || ' on ' || relname ORDER BY relname, "right")
            FILTER (WHERE NOT has_table_privilege(pg_class.oid, "right")),
        current_user::text, current_schema()::text
    FROM pg_class, unnest(%s::text[]) AS rights ("right")
    WHERE relkind IN ('r', 'p') AND relname ~ '^(switchyard|django_celery)_'
        AND pg_table_is_visible(pg_class.oid)
"""


def looks() -> list[Look]:
    return [
        Look("database", server),
        Look("database clock", clock),
        *(Look(name, in_limits(read)) for name, read in _BY_DJANGO.items()),
    ]


def server() -> Found:
    version, user, read_only, _ = _asked()
    says = f"PostgreSQL {version}, as {user}"
    if read_only:
        return Found(
            f"{says}, takes no writes",
            "Have DATABASE_URL name all hosts, or end the failover that is under way.",
        )
    return Found(says)


def clock() -> Found:
    began = time.time()
    *_, seconds = _asked()
    # What the connect took is on neither side.
    ahead = seconds - (began + time.time()) / 2
    return apart("the database's clock", ahead)


def apart(whose: str, ahead: float) -> Found:
    says = f"{whose} is {abs(ahead):.1f} s {'ahead of' if ahead > 0 else 'behind'} this host's"
    if abs(ahead) <= APART_SECONDS:
        return Found(says)
    return Found(
        says, "Set the host right whose clock is wrong (`timedatectl`, `chronyc tracking`): compare a third."
    )


def rights() -> Found:
    with connection.cursor() as cursor:
        cursor.execute(_MISSING, [list(RIGHTS)])
        tables, missing, user, schema = cursor.fetchone()
    if not missing:
        return Found(f"{', '.join(RIGHTS)} on {tables} tables")
    more = f" and {len(missing) - MOST} more" if len(missing) > MOST else ""
    return Found(
        f"{user} lacks {', '.join(missing[:MOST])}{more}",
        f"As their owner: GRANT {', '.join(RIGHTS)} ON ALL TABLES IN SCHEMA {schema} TO {user}.",
    )


def migrations() -> Found:
    executor = MigrationExecutor(connection)
    executor.loader.check_consistent_history(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    known = set(executor.loader.disk_migrations)
    newer = [
        key for key in executor.loader.applied_migrations if key not in known and key[0] in _labels(known)
    ]
    if missing:
        first = ".".join((missing[0][0].app_label, missing[0][0].name))
        return Found(f"{len(missing)} are not applied, the first {first}", f"Run `{conf.COMMAND} release`.")
    if newer:
        says = f"{len(newer)} are of a newer release than this, as {'.'.join(newer[0])}"
        return Found(says, "Run this in the image that is deployed, or deploy the newer one here.")
    return Found(f"all {len(known)} are applied")


def whose() -> Found:
    why = foreign()
    if not why:
        return Found("the database is of these settings")
    return Found(why, f"Say discard, hold or keep: `{conf.COMMAND} adopt-database show`.")


def locks() -> Found:
    found = [session for session in waiting() if session["seconds"] >= LOCKED_SECONDS]
    if not found:
        return Found(f"nobody waits for a lock for {LOCKED_SECONDS} s")
    first, command = found[0], f"{conf.COMMAND} database"
    held = f"{first['who']} for {first['seconds']} s, held by {first['blocked_by']}"
    return Found(
        f"{len(found)} sessions wait for a lock, {held}",
        f"Look at `{command} locks`, and end who holds it: `{command} end PID --yes`.",
    )


_BY_DJANGO: dict[str, Callable[[], Found]] = {
    "database rights": rights,
    "migrations": migrations,
    "whose database": whose,
    "locks": locks,
}


def _asked() -> Any:
    """On a connection that no pool has: one look, one answer. Raises NotSeen."""
    where = connection.settings_dict
    place = f"PostgreSQL at {where['HOST'] or 'its socket'}:{where['PORT'] or 5432}"
    try:
        with connected() as link:
            return link.execute(_SERVER).fetchone()
    except psycopg.Error as error:
        raise NotSeen(
            f"{place} did not let us in ({first_line(error)}). Start it, or correct DATABASE_URL."
        ) from error


def _labels(known: set[tuple[str, str]]) -> set[str]:
    return {label for label, _ in known}
