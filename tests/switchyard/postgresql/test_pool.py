"""A process that is new has a connection for each thread that will ask at once."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection, connections

from switchyard.postgresql.pool import REQUEST_WAIT_SECONDS, fill, share_connections
from tests.database_entry import changed

THREADS = 5
#: What opening one takes on a busy machine: less than anybody waits, and more for those behind it.
OPENING_SECONDS = REQUEST_WAIT_SECONDS / 2


@pytest.fixture
def slow(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """A database that takes its time to let anybody in."""
    connect = psycopg.Connection.connect

    def connected(*args: Any, **options: Any) -> Any:
        time.sleep(OPENING_SECONDS)
        return connect(*args, **options)

    with changed() as database:
        share_connections(wait_seconds=REQUEST_WAIT_SECONDS, impatient=True)
        monkeypatch.setattr(psycopg.Connection, "connect", connected)
        yield database


def ask(_: int) -> str:
    """As a request of a thread's own, at the same time as the others."""
    try:
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT pg_sleep(1)")
    except OperationalError as error:
        return str(error)
    finally:
        connections["default"].close()
    return ""


def asked_at_once() -> list[str]:
    with ThreadPoolExecutor(THREADS) as threads:
        return [said for said in threads.map(ask, range(THREADS)) if said]


def test_control_a_pool_opens_one_after_the_other_while_the_others_are_told_it_is_away(slow) -> None:
    assert asked_at_once()


def test_a_pool_that_is_filled_keeps_nobody_waiting(slow) -> None:
    fill(THREADS)
    assert asked_at_once() == []


def test_a_pool_is_filled_as_far_as_it_goes(slow) -> None:
    slow["OPTIONS"]["pool"]["max_size"] = 2
    fill(THREADS)
    assert connection.pool.get_stats()["pool_size"] == 2


def test_nothing_is_filled_where_there_is_no_pool(slow) -> None:
    del slow["OPTIONS"]["pool"]
    fill(THREADS)
    assert connection.connection is None


def test_a_process_begins_though_its_database_is_away(slow) -> None:
    slow["PORT"] = 1
    began = time.monotonic()
    fill(THREADS)
    assert time.monotonic() - began < 2 * REQUEST_WAIT_SECONDS
