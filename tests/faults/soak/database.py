"""Injuries of the database."""

import signal
import time
from datetime import timedelta

import psycopg

from tests.database_clock import DatabaseClock
from tests.faults.soak.scene import LENGTH_SECONDS, Scene, send

#: Ahead, or behind.
CLOCK_OFF = timedelta(days=1)

#: A row that no relay could send; nobody ever sees it.
_NEVER = (
    "INSERT INTO switchyard_outbox (task_id, task, queue, headers, properties, body)"
    " VALUES ('never', 'never', 'never', '{}', '{}', '')"
)


def stop(scene: Scene) -> bool:
    scene.postgres.kill()
    time.sleep(scene.random.uniform(0, 3))
    scene.postgres.start()
    return True


def end_sessions(scene: Scene) -> bool:
    with psycopg.connect(scene.database_url, autocommit=True) as link:
        link.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    return True


def forget_transaction(scene: Scene) -> bool:
    """A BEGIN that stays until the next one, or the database's end: what is deleted meanwhile is kept for it.

    It has written to the outbox too, under a number that others pass; that is rolled back.
    """
    if scene.forgotten is not None:
        scene.forgotten.close()
    scene.forgotten = psycopg.connect(scene.database_url)
    scene.forgotten.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM switchyard_outbox LIMIT 1")
    scene.forgotten.execute(_NEVER)
    return True


def crash_backend(scene: Scene) -> bool:
    """SIGKILL of one server process: PostgreSQL ends all sessions and recovers."""
    with psycopg.connect(scene.database_url, autocommit=True) as link:
        query = (
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        found = [pid for (pid,) in link.execute(query)]
    if found:
        send(scene.random.choice(found), signal.SIGKILL)
    return bool(found)


def fill_pools(scene: Scene) -> bool:
    """Have every transaction of a task wait for a table, with its connection."""
    with psycopg.connect(scene.database_url) as link:
        link.execute("LOCK TABLE ledger_execution IN ACCESS EXCLUSIVE MODE")
        time.sleep(LENGTH_SECONDS)
    return True


def refuse_writes(scene: Scene) -> bool:
    """What a switchover is for who is left at the old primary: it answers, and takes no writes."""
    with psycopg.connect(scene.database_url, autocommit=True) as link:
        link.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        link.execute("SELECT pg_reload_conf()")
        try:
            time.sleep(LENGTH_SECONDS)
        finally:
            link.execute("ALTER SYSTEM RESET default_transaction_read_only")
            link.execute("SELECT pg_reload_conf()")
    return True


def set_clock(scene: Scene) -> bool:
    """As a host that was given a wrong time, until somebody sees it."""
    with psycopg.connect(scene.database_url, autocommit=True) as link:
        clock = DatabaseClock(link)
        clock.set_ahead(CLOCK_OFF * scene.random.choice((1, -1)))
        try:
            time.sleep(LENGTH_SECONDS * 2)
        finally:
            clock.set_ahead(timedelta())
    return True
