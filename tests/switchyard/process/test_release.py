"""A release meets a database that is in use: by long statements, by another release, and not at all."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from switchyard.outage import UNAVAILABLE, NotYet, Unavailable
from switchyard.pooler import connected
from switchyard.postgresql import blockers, locks
from switchyard.postgresql.locks import bounded_locks
from switchyard.process import release
from switchyard.process.turn import Turn
from tests.live.conftest import environment, vhost
from tests.live.processes import eventually

__all__ = ["environment", "vhost"]

#: How long a lock is waited for here, and a reader that would have to wait for all of a SELECT at most.
LOCK_SECONDS, READER_SECONDS = 0.4, 3.0
WAITING = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%pier_%'"

#: As a process, which has an app more than the tests.
RELEASE = """
import django
from django.conf import settings

settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "tests.pier"]
django.setup()
from switchyard.process import release

release.run(("migrate", "pier", "0002", "--verbosity=0"))
"""

Run = Callable[[], Any]


@pytest.fixture
def pier(transactional_db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Its table is there, and locks are waited for more shortly than they would be."""
    monkeypatch.setattr(locks, "LOCK_MILLISECONDS", int(LOCK_SECONDS * 1000))
    monkeypatch.setattr(locks, "FIRST_PAUSE_SECONDS", 0.2)
    monkeypatch.setattr(blockers, "LOOK_SECONDS", 0.1)
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "tests.pier"]
    # By hand: each run of `migrate` looks at every app.
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE pier_berth (id bigserial PRIMARY KEY, name text);"
            "INSERT INTO django_migrations (app, name, applied) VALUES ('pier', '0001_a_table', now())"
        )
    yield
    with connection.cursor() as cursor:
        cursor.execute(
            "DROP TABLE IF EXISTS pier_berth, pier_piece; DELETE FROM django_migrations WHERE app = 'pier'"
        )


def migrate(to: str) -> None:
    call_command("migrate", "pier", to, verbosity=0)


def released(to: str) -> None:
    release.run(("migrate", "pier", to, "--verbosity=0"))


@pytest.fixture
def thread() -> Iterator[Callable[[Run], "Future[Any]"]]:
    """Begins to run something beside the test, with connections of its own."""

    def run(one: Run) -> Any:
        try:
            return one()
        finally:
            connection.close()

    with ThreadPoolExecutor() as pool:
        yield lambda one: pool.submit(run, one)


@contextmanager
def long_select() -> Iterator["psycopg.Connection[Any]"]:
    """A transaction that has read the table, and is open; a literal of its query is nobody's business."""
    with connected(application_name="a report") as link, link.transaction():
        link.execute("SELECT count(*) FROM pier_berth WHERE name = 'somebody'")
        yield link


def columns() -> set[str]:
    with connection.cursor() as cursor:
        return {
            column.name for column in connection.introspection.get_table_description(cursor, "pier_berth")
        }


def waits() -> bool:
    with connected() as link:
        return link.execute(WAITING).fetchone() is not None


def in_the_middle() -> bool:
    """A statement follows in the same transaction, and takes half a second."""
    with connected() as link:
        asked = "SELECT FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep%'"
        return link.execute(asked).fetchone() is not None


def longest_read(times: int) -> float:
    """Seconds. Raises psycopg.errors.QueryCanceled for one that is not answered in READER_SECONDS."""
    longest = 0.0
    with connected() as link:
        for _ in range(times):
            began = time.monotonic()
            with link.transaction():
                link.execute(f"SET LOCAL statement_timeout = '{READER_SECONDS}s'")
                link.execute("SELECT count(*) FROM pier_berth")
            longest = max(longest, time.monotonic() - began)
            time.sleep(0.02)
    return longest


Threads = Callable[[Run], "Future[Any]"]


@pytest.mark.parametrize("way", ["direct", "behind_pgbouncer"])
def test_a_migration_behind_a_long_select_lets_others_pass_and_goes_through_after_it(
    pier: None, thread: Threads, way: str, request: pytest.FixtureRequest
) -> None:
    if way != "direct":
        request.getfixturevalue(way)
    with long_select():
        migrating = thread(lambda: released("0002"))
        eventually(waits)
        assert longest_read(times=40) < READER_SECONDS
        assert not migrating.done()
    migrating.result(30)
    assert "depth" in columns()


def test_control_the_same_migration_by_django_stops_every_reader(pier: None, thread: Threads) -> None:
    with long_select():
        migrating = thread(lambda: migrate("0002"))
        eventually(waits)
        with pytest.raises(psycopg.errors.QueryCanceled):
            longest_read(times=1)
    migrating.result(30)


def test_at_its_deadline_a_release_says_who_is_in_the_way_and_asks_to_be_run_again(
    pier: None, settings: Any
) -> None:
    settings.SWITCHYARD_MIGRATION_WAIT_SECONDS = 1
    with long_select() as link:
        session = f"pid {link.info.backend_pid} of role {link.info.user} (a report"
        with pytest.raises(Unavailable) as gave_up:
            released("0002")
    assert gave_up.value.returncode == UNAVAILABLE
    for part in (session, "idle in transaction", "since 20", "FROM pier_berth WHERE name = '...'"):
        assert part in str(gave_up.value)
    assert "depth" not in columns()


def test_in_a_migration_that_is_no_transaction_only_the_statement_is_tried_again(
    pier: None, thread: Threads
) -> None:
    migrate("0002")
    with long_select():
        migrating = thread(lambda: released("0003"))
        eventually(waits)
        assert longest_read(times=40) < READER_SECONDS
    migrating.result(30)
    assert "length" in columns()


MAKE_INDEX = 'CREATE INDEX CONCURRENTLY IF NOT EXISTS "pier_by_name" ON pier_berth (name)'
WAITING_LONG = f"{WAITING} AND clock_timestamp() - query_start > make_interval(secs => {3 * LOCK_SECONDS})"
IS_VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'pier_by_name'::regclass"


def make_index() -> None:
    with bounded_locks(0), connection.cursor() as cursor:
        cursor.execute(MAKE_INDEX)


def test_an_index_that_is_made_beside_everybody_waits_for_as_long_as_it_takes(
    pier: None, thread: Threads
) -> None:
    """It is in nobody's way, and would be left invalid."""
    with connected() as link:
        with link.transaction():
            link.execute("INSERT INTO pier_berth (name) VALUES ('a')")
            making = thread(make_index)
            with connected() as other:
                eventually(lambda: other.execute(WAITING_LONG).fetchone())
        making.result(30)
        assert link.execute(IS_VALID).fetchone() == (True,)


def test_an_index_that_was_left_invalid_is_made_anew(pier: None) -> None:
    with connected() as link, connected() as killed:
        with link.transaction():
            link.execute("INSERT INTO pier_berth (name) VALUES ('a')")
            killed.execute("SET lock_timeout = 50")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                killed.execute(MAKE_INDEX)
        with connection.cursor() as cursor:
            cursor.execute(MAKE_INDEX)
        # Control: PostgreSQL itself finds that it exists.
        assert link.execute(IS_VALID).fetchone() == (False,)
        make_index()
        assert link.execute(IS_VALID).fetchone() == (True,)


def test_what_a_migration_says_of_its_locks_holds_and_what_it_computes_is_not_cut(pier: None) -> None:
    with bounded_locks(0), connection.cursor() as cursor:
        with transaction.atomic():
            cursor.execute("UPDATE pier_berth SET name = 'b'")
            assert shown(cursor) == "0"
            cursor.execute(f"DO $$ BEGIN PERFORM pg_sleep({2 * LOCK_SECONDS}); END $$")
            assert shown(cursor) == "400ms"
        with transaction.atomic():
            cursor.execute("SET LOCAL lock_timeout = '77s'")
            cursor.execute("COMMENT ON TABLE pier_berth IS 'a row for each'")
            assert shown(cursor) == "77s"
        assert shown(cursor) == "0"


def shown(cursor: Any) -> str:
    cursor.execute("SHOW lock_timeout")
    said: str = cursor.fetchone()[0]
    return said


def test_of_two_releases_at_once_the_second_waits_and_finds_nothing_to_do(
    pier: None,
    vhost: Any,
    thread: Threads,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(release, "STEPS", (("migrate", "pier", "0002", "--noinput"),))
    for done in [thread(lambda: call_command(release.Release())) for _ in range(2)]:
        done.result(60)
    said = capsys.readouterr().out
    assert "depth" in columns()
    assert said.count("Applying pier.0002_a_column... OK") == 1
    assert said.count("No migrations to apply.") == 1


def test_control_of_two_migrations_at_once_one_fails(pier: None, thread: Threads) -> None:
    both = [thread(lambda: migrate("0002")) for _ in range(2)]
    errors = [done.exception(60) for done in both]
    assert [isinstance(error, DatabaseError) for error in errors if error] == [True]


def test_behind_a_pooler_too_only_one_has_its_turn(transactional_db: None, behind_pgbouncer: Any) -> None:
    with Turn() as one, Turn() as other:
        one.take()
        with connected() as link:
            for _ in range(5):
                link.execute("SELECT 1")
                with pytest.raises(NotYet, match=r"Another release runs since .* of role"):
                    other.take()
        one.__exit__()
        eventually(lambda: taken(other))


def taken(turn: Turn) -> bool:
    try:
        turn.take()
    except NotYet:
        return False
    return True


def test_a_release_that_is_killed_in_a_migration_leaves_nothing_half_done_and_may_run_again(
    pier: None, environment: dict[str, str]
) -> None:
    nowhere = {"BROKER_URL": "pyamqp://nobody@127.0.0.1:1/unset"}
    process = subprocess.Popen([sys.executable, "-c", RELEASE], env=environment | nowhere)
    eventually(in_the_middle, what="a migration that has changed its table")
    process.kill()
    process.wait()
    eventually(lambda: not in_the_middle(), what="a server that has noticed")
    assert "depth" not in columns()
    released("0002")
    assert "depth" in columns()


def test_a_database_that_is_lost_halfway_asks_for_another_run(pier: None, thread: Threads) -> None:
    with long_select(), connected() as link:
        migrating = thread(lambda: released("0002"))
        eventually(waits)
        link.execute(WAITING.replace("SELECT pid", "SELECT pg_terminate_backend(pid)"))
        with pytest.raises(Unavailable, match="The database was lost"):
            migrating.result(30)
    assert "depth" not in columns()
    released("0002")
    assert "depth" in columns()


def test_an_extension_that_the_server_does_not_have_is_named_with_what_it_has(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As pg_trgm, where PostgreSQL is that of a wheel."""

    def create(*_: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute("CREATE EXTENSION nobody_has_this")

    monkeypatch.setattr(release, "call_command", create)
    with pytest.raises(CommandError, match=r"no extension 'nobody_has_this'.*plpgsql.*set DATABASE_URL"):
        release.run(("migrate",))
