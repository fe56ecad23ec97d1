"""Which statements change a session, and what becomes of a connection on which one has."""

from typing import Any

import psycopg
import pytest
from django.db import connection, transaction
from django.db.backends.signals import connection_created

from switchyard.postgresql import statements
from switchyard.postgresql.session import changed
from switchyard.postgresql.statements import leaves_state
from tests.gallery.models import Run

CHANGING = [
    "SET search_path TO a",
    "  set role b",
    "/* a tenant's */ SET search_path TO a",
    "-- a tenant's\nSET TIME ZONE 'UTC'",
    "SELECT 1; SET search_path TO a",
    "RESET ALL",
    "LISTEN a",
    "PREPARE a AS SELECT 1",
    "CREATE TEMP TABLE a ()",
    "create temporary view a as select 1",
    "SELECT 1 INTO TEMP a",
    "SELECT pg_advisory_lock(1)",
    "SELECT pg_try_advisory_lock_shared(1)",
    "SELECT pg_catalog.set_config('search_path', '', false)",
    b"select 1;\n/* and */ listen a",
    "DISCARD TEMP",
    "SELECT dblink_connect('a')",
    "DECLARE a CURSOR WITH HOLD FOR SELECT 1",
]
LEAVING = [
    "SELECT 1",
    "UPDATE a SET b = 1",
    "INSERT INTO a VALUES (1) ON CONFLICT (b) DO UPDATE SET c = 2",
    "SET LOCAL search_path TO a",
    "SET TRANSACTION READ ONLY",
    "SET CONSTRAINTS ALL IMMEDIATE",
    "SELECT pg_advisory_xact_lock(1)",
    "SELECT pg_try_advisory_xact_lock(1)",
    "SELECT pg_advisory_unlock(1)",
    "SELECT set_config('search_path', 'a', true)",
    "SELECT settings, preparedness FROM a",
    "CREATE TABLE temporary ()",
    "WITH kept AS (INSERT INTO a VALUES (1)) SELECT pg_notify('a', ''); COMMIT",
]


@pytest.mark.parametrize("sql", CHANGING)
def test_what_outlives_its_transaction_changes_the_session(sql: str | bytes) -> None:
    assert leaves_state(sql)


@pytest.mark.parametrize("sql", LEAVING)
def test_what_ends_with_its_transaction_does_not(sql: str) -> None:
    assert not leaves_state(sql)


@pytest.mark.parametrize(
    ("sql", "leaves"), [*((sql, True) for sql in CHANGING), *((sql, False) for sql in LEAVING)]
)
def test_a_statement_that_is_sent_again_is_not_read_again(
    monkeypatch: pytest.MonkeyPatch, sql: str | bytes, leaves: bool
) -> None:
    """The outbox's took 0.16 ms of each commit."""
    leaves_state(sql)
    monkeypatch.setattr(statements, "_LEAVES_STATE", None)
    assert leaves_state(sql) == leaves


def test_a_long_statement_is_read_each_time_and_to_its_end() -> None:
    long = ", ".join(["INSERT INTO a VALUES (1)", *["(1)"] * statements.LONGEST_KEPT])
    before = statements._known.cache_info()
    assert not leaves_state(long)
    assert leaves_state(long + "; SET ROLE b")
    assert statements._known.cache_info() == before


def read(sql: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


@pytest.mark.django_db(transaction=True)
def test_every_way_to_the_driver_is_seen() -> None:
    ways = [
        read,
        lambda sql: connection.connection.execute(sql),  # noqa: PLW0108 - another connection at each
        lambda sql: connection.connection.execute(sql.encode()),
        lambda sql: connection.connection.execute(psycopg.sql.SQL(sql)),
        lambda sql: connection.connection.cursor().executemany(sql, [()]),
    ]
    for way in ways:
        connection.close()
        connection.ensure_connection()
        way("SELECT 1")
        assert not changed(connection.connection)
        way("SELECT set_config('search_path', 'nowhere', false)")
        assert changed(connection.connection)
    connection.close()


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Any:
    """One connection, so that who comes next gets the same."""
    connection.close()
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "pool", {"min_size": 1, "max_size": 1})
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)
    yield
    connection.close()
    connection.close_pool()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("pool")
def test_a_connection_comes_back_from_the_pool_as_new() -> None:
    session = read("SELECT pg_backend_pid()")
    path, zone = read("SHOW search_path"), read("SHOW TimeZone")
    read("SELECT set_config('search_path', 'nowhere', false)")
    read("SELECT pg_advisory_lock(4711)::text")
    with pytest.raises(psycopg.Error), transaction.atomic():
        connection.connection.execute("SET TIME ZONE 'Asia/Tokyo'; SELECT 1/0")
    connection.close()
    assert (read("SHOW search_path"), read("SHOW TimeZone")) == (path, zone)
    assert read("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711") == 0
    assert read("SELECT pg_backend_pid()") == session


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("pool")
def test_a_task_that_changes_nothing_asks_the_server_nothing_more() -> None:
    Run.objects.count()
    asked: list[str] = []
    execute = connection.connection.execute
    connection.connection.execute = lambda sql, *args: (asked.append(sql), execute(sql, *args))[1]
    pooled = connection.connection
    connection.close()
    assert asked == []
    read("SELECT set_config('search_path', 'nowhere', false)")
    connection.close()
    assert asked == ["DISCARD ALL"]
    del pooled.execute


@pytest.mark.django_db(transaction=True)
def test_one_that_is_kept_is_made_anew_with_what_a_project_sets_at_each_connect(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def set_timeout(connection: Any, **_: Any) -> None:
        connection.cursor().execute("SET statement_timeout = '7s'")

    connection.close()
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", None)
    connection_created.connect(set_timeout)
    try:
        session = read("SELECT pg_backend_pid()")
        connection.close_if_unusable_or_obsolete()
        assert read("SELECT pg_backend_pid()") == session
        for left in ("SET search_path TO nowhere", "BEGIN"):
            connection.cursor().execute(left)
            connection.close_if_unusable_or_obsolete()
            assert read("SELECT pg_backend_pid()") != session
            assert read("SHOW statement_timeout") == "7s"
            session = read("SELECT pg_backend_pid()")
    finally:
        connection_created.disconnect(set_timeout)
        connection.close()
