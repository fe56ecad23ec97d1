"""A connection goes back to the pool after each transaction, and stays where something counts on it."""

import threading
from collections.abc import Callable
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import psycopg_pool
import pytest
from django.db import DatabaseError, OperationalError, connection, transaction
from psycopg.sql import SQL, Identifier
from structlog.testing import capture_logs

from app.celery import app
from switchyard.postgresql import health, holds
from tests.gallery.models import Run
from tests.live.processes import eventually

runs = Run.objects


def make(key: str = "a") -> Run:
    return runs.create(key=key, attempt=0, started=1.0)


def execute(statement: Any) -> Any:
    """By a cursor, as code that writes its own SQL does."""
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone() if cursor.description else None


def in_a_savepoint() -> None:
    with transaction.atomic(), transaction.atomic():
        make()


def rolled_back() -> None:
    with suppress(ZeroDivisionError), transaction.atomic():
        make()
        raise ZeroDivisionError


def after_a_commit_that_failed() -> None:
    with suppress(DatabaseError), transaction.atomic():
        execute("SELECT 1/0")


def a_statement_that_fails() -> None:
    with pytest.raises(DatabaseError):
        execute("SELECT nothing")


def a_cursor_without_with() -> None:
    cursor = connection.cursor()
    cursor.execute("SELECT 1")
    assert cursor.fetchall() == [(1,)]
    cursor.close()


def an_iterator_read_to_its_end() -> None:
    make("read")
    assert [run.key for run in runs.filter(key="read").iterator(chunk_size=1)] == ["read"]


def an_iterator_left_early() -> None:
    make()
    make()
    rows = runs.iterator(chunk_size=1)
    next(rows)
    rows.close()


def autocommit_off_and_on() -> None:
    transaction.set_autocommit(False)
    make()
    transaction.commit()
    transaction.set_autocommit(True)


DONE: list[Callable[[], Any]] = [
    make,
    lambda: list(runs.all()),
    lambda: runs.filter(key="a").first(),
    runs.count,
    lambda: runs.get_or_create(key="b", attempt=0, started=1.0),
    lambda: runs.bulk_create([Run(key="c", attempt=0, started=1.0)]),
    lambda: runs.filter(key="a").update(key="d"),
    lambda: runs.all().delete(),
    lambda: list(Run.objects.raw("SELECT * FROM gallery_run")),
    lambda: transaction.on_commit(lambda: None),
    transaction.get_autocommit,
    connection.introspection.table_names,
    lambda: execute("SET LOCAL work_mem = '1MB'"),
    in_a_savepoint,
    rolled_back,
    after_a_commit_that_failed,
    a_statement_that_fails,
    a_cursor_without_with,
    an_iterator_read_to_its_end,
    an_iterator_left_early,
    autocommit_off_and_on,
]


#: What a statement leaves behind, the statement that finds it there, and what it then says.
STATE: list[tuple[Any, str, Any]] = [
    ("SET statement_timeout = '7s'", "SHOW statement_timeout", "7s"),
    ("/* by whom */ set session statement_timeout to '7s'", "SHOW statement_timeout", "7s"),
    ("SELECT 1; SET statement_timeout = '7s'", "SHOW statement_timeout", "7s"),
    (SQL("SET {} = '7s'").format(Identifier("statement_timeout")), "SHOW statement_timeout", "7s"),
    ("SELECT set_config('statement_timeout', '7s', false)", "SHOW statement_timeout", "7s"),
    ("CREATE TEMPORARY TABLE own AS SELECT 7 AS n", "SELECT n FROM own", 7),
    ("SELECT 7 AS n INTO TEMP own", "SELECT n FROM own", 7),
    ("PREPARE seven AS SELECT 7", "EXECUTE seven", 7),
    ("LISTEN seven", "SELECT pg_listening_channels()", "seven"),
    ("SELECT pg_advisory_lock(7)", "SELECT pg_advisory_unlock(7)", True),
    ("SELECT pg_try_advisory_lock_shared(7)", "SELECT pg_advisory_unlock_shared(7)", True),
]


def lent(pool: Any) -> int:
    stats = pool.get_stats()
    return stats.get("pool_size", 0) - stats.get("pool_available", 0)


def test_after_a_transaction_no_connection_is_held(pooled: Any) -> None:
    for number, do in enumerate(DONE):
        do()
        assert pooled.connection is None, f"{number}: {do.__name__}"
    eventually(lambda: lent(pooled.pool) == 0, what="a full pool")


def test_what_a_statement_leaves_in_its_session_is_there_for_the_next_and_for_nobody_else(
    pooled: Any,
) -> None:
    for left, found, expected in STATE:
        execute(left)
        session = pooled.connection
        make()
        assert execute(found)[0] == expected, left
        assert pooled.connection is session, left
        # The end of the task.
        pooled.close()
        with suppress(DatabaseError):
            assert (execute(found) or [None])[0] != expected, left
        pooled.close()


def test_a_lock_or_a_setting_for_a_transaction_keeps_nothing(pooled: Any) -> None:
    with transaction.atomic():
        execute("SELECT pg_advisory_xact_lock(7), set_config('statement_timeout', '7s', true)")
        assert execute("SHOW statement_timeout") == ("7s",)
    assert pooled.connection is None
    assert execute("SHOW statement_timeout") != ("7s",)


def test_a_transaction_a_cursor_and_an_iterator_keep_their_connection(pooled: Any) -> None:
    make("a")
    make("b")
    with transaction.atomic():
        session = execute("SELECT pg_backend_pid()")
        with transaction.atomic():
            make("c")
        assert execute("SELECT pg_backend_pid()") == session
    rows = runs.order_by("key").iterator(chunk_size=1)
    keys = [next(rows).key]
    make("d")
    assert [*keys, *(run.key for run in rows)] == ["a", "b", "c"]
    cursor = pooled.cursor()
    cursor.execute("SELECT 1")
    kept = pooled.connection
    make("e")
    assert pooled.connection is kept
    cursor.execute("SELECT 2")
    assert cursor.fetchone() == (2,)
    cursor.close()
    assert pooled.connection is None


def test_a_cursor_that_was_forgotten_holds_its_connection_until_the_next_statement(pooled: Any) -> None:
    pooled.cursor().execute("SELECT 1")
    assert pooled.connection is not None
    make()
    assert pooled.connection is None


def test_what_runs_after_the_commit_does_so_without_a_connection(pooled: Any) -> None:
    held: list[bool] = []

    def after() -> None:
        make("after")
        held.append(pooled.connection is not None)

    with transaction.atomic():
        make("before")
        transaction.on_commit(after)
    assert held == [False]
    assert runs.count() == 2
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        transaction.on_commit(lambda: 1 / 0)
    assert pooled.connection is None


def test_ten_threads_that_query_wait_and_query_are_served_by_two_connections(pooled: Any) -> None:
    """Each waits until all have asked their first question, which two held connections would never let be."""
    all_asked = threading.Barrier(10, timeout=30)
    failed: list[Exception] = []

    def task(number: int) -> None:
        try:
            make(f"begin {number}")
            all_asked.wait()
            make(f"end {number}")
        except Exception as error:  # noqa: BLE001 - told by the test
            failed.append(error)

    threads = [threading.Thread(target=task, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert runs.count() == 20
    assert pooled.pool.get_stats()["pool_max"] == 2


def test_a_pool_that_is_full_says_so_in_its_time(pooled: Any) -> None:
    both, free = threading.Barrier(3, timeout=30), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            make()
            both.wait()
            free.wait(30)

    threads = [threading.Thread(target=hold) for _ in range(2)]
    for thread in threads:
        thread.start()
    both.wait()
    with pytest.raises(OperationalError) as raised:
        runs.count()
    assert isinstance(raised.value.__cause__, psycopg_pool.PoolTimeout)
    free.set()
    for thread in threads:
        thread.join()
    assert runs.count() == 2


def test_without_transaction_pooling_a_connection_is_kept_as_django_keeps_it(pooled: Any) -> None:
    pooled.settings_dict["TRANSACTION_POOLING"] = False
    make()
    session = pooled.connection
    make()
    assert session is not None
    assert pooled.connection is session


def test_statements_in_a_row_ask_the_server_nothing_besides(pooled: Any, monkeypatch: Any) -> None:
    """As a look at the connection's health would be, at each of them. One at its first use there is."""
    looks: list[Any] = []
    answers = health.answers

    def counted(connection: Any, **how: Any) -> bool:
        looks.append(connection)
        return answers(connection, **how)

    monkeypatch.setattr(health, "TRUSTED_SECONDS", 60)
    monkeypatch.setattr(health, "answers", counted)
    for number in range(10):
        make(str(number))
    assert len(looks) == len(set(looks)) <= pooled.pool.max_size


def test_who_keeps_a_connection_and_does_not_use_it_is_counted_and_named(
    pooled: Any, monkeypatch: Any
) -> None:
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(holds, "time", SimpleNamespace(monotonic=lambda: clock.now))

    def wait() -> None:
        clock.now += 1.5 * holds.IDLE_SECONDS

    def slowly(execute: Callable[..., Any], *args: Any) -> Any:
        wait()
        return execute(*args)

    with capture_logs() as lines:
        make()
        with connection.execute_wrapper(slowly):
            execute("SELECT 1")
        with transaction.atomic():
            make()
            wait()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            wait()
        execute("SET statement_timeout = '7s'")
        wait()
        connection.close()
    kept = [(line["event"], line["reason"]) for line in lines]
    assert kept == [
        ("connection_kept", "a transaction"),
        ("connection_kept", "a cursor that was not closed"),
        ("connection_kept", "the state of its session"),
    ]
    assert all(holds.IDLE_SECONDS <= line["idle_seconds"] <= line["held_seconds"] for line in lines)


def test_a_kept_connection_is_counted_for_its_task(pooled: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(holds, "IDLE_SECONDS", 0.0)
    task = app.tasks["gallery.io_wait"]
    before = holds.KEPT.labels("io", task.name)._value.get()
    task.apply(("key",), throw=True)
    connection.close()
    assert holds.KEPT.labels("io", task.name)._value.get() > before
