"""What is said and done behind a real PgBouncer in transaction mode, where clients share sessions."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from threading import Event
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from switchyard import sqlstate
from switchyard.metrics.beat import read_beat
from switchyard.pooler import is_pooled, shares_sessions
from switchyard.schedule import lease
from switchyard.schedule.lease import Lease
from tests.gallery.models import Run
from tests.live.processes import eventually
from tests.pgbouncer import PgBouncer

#: How often a client meets other sessions than its own before.
TIMES = 20


@contextmanager
def others(pooler: PgBouncer, count: int = 4) -> Iterator[Any]:
    """Clients in whose hands sessions change: each has a transaction, one after the other."""
    with ExitStack() as stack:
        links = [stack.enter_context(psycopg.connect(pooler.url)) for _ in range(count)]

        def move() -> None:
            for link in links:
                link.rollback()
                link.execute("SELECT 1")
            links.append(links.pop(0))

        yield move


def test_a_pooler_in_transaction_mode_is_told_from_one_in_session_mode_and_from_none(
    pgbouncer: PgBouncer,
) -> None:
    through = partial(psycopg.connect, pgbouncer.url, autocommit=True)
    assert not shares_sessions()
    assert shares_sessions(through)
    for settings in ({"default_pool_size": 1}, {"default_pool_size": 5, "server_round_robin": 1}):
        pgbouncer.configure(**settings)
        pgbouncer.tell("RELOAD")
        assert shares_sessions(through)
    pgbouncer.configure(pool_mode="session")
    pgbouncer.tell("RELOAD")
    assert not shares_sessions(through)
    with through() as link:
        assert is_pooled(link)


@pytest.mark.usefixtures("behind_pgbouncer")
def test_a_release_names_what_does_not_work_behind_it(capsys: pytest.CaptureFixture[str]) -> None:
    check = partial(call_command, "check", databases=["default"])
    check()
    assert "yard.W2" not in capsys.readouterr().err
    declared = connection.settings_dict
    declared["DISABLE_SERVER_SIDE_CURSORS"] = False
    declared["OPTIONS"]["prepare_threshold"] = 5
    check()
    del declared["OPTIONS"]["prepare_threshold"]
    said = capsys.readouterr().err
    assert said.count("yard.W2") == 2
    assert "DISABLE_SERVER_SIDE_CURSORS" in said
    assert "prepare_threshold" in said


def test_one_beat_has_the_lease_and_keeps_it_though_sessions_change_hands(
    behind_pgbouncer: PgBouncer,
) -> None:
    first, second = Lease(), Lease()
    assert first.take()
    with others(behind_pgbouncer, 3) as move:
        for _ in range(TIMES):
            move()
            first.now()
            assert not second.take()
    # A pause waits for every transaction that is open.
    resumed = Event()
    with ThreadPoolExecutor(2) as threads:
        looks = threads.submit(look_until, resumed, first)
        threads.submit(behind_pgbouncer.tell, "PAUSE").result(20)
        behind_pgbouncer.tell("RESUME")
        resumed.set()
        looks.result(20)
    assert read_beat().holders == 1
    first.release()
    eventually(second.take, within=20, what="the lease of who has left")
    second.now()
    second.release()
    eventually(lambda: read_beat().holders == 0, within=20, what="a lock that nobody has left behind")


def look_until(over: Event, holder: Lease) -> None:
    while not over.is_set():
        holder.now()


@pytest.mark.usefixtures("behind_pgbouncer")
def test_the_lease_keeps_no_dead_rows_and_is_taken_from_who_is_frozen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frozen, standby = Lease(), Lease()
    assert frozen.take()
    frozen.now()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT backend_xmin, backend_xid FROM pg_stat_activity"
            " WHERE state = 'idle in transaction' AND datname = current_database()"
        )
        assert cursor.fetchall() == [(None, None)]
    monkeypatch.setattr(lease, "SILENT_SECONDS", 0)
    assert eventually(standby.take, within=20, what="the lease of who is frozen")
    with pytest.raises(lease.LeaseLost):
        frozen.now()
    standby.release()


def test_a_pool_that_is_full_and_a_pooler_that_is_away_are_infrastructure(
    behind_pgbouncer: PgBouncer,
) -> None:
    behind_pgbouncer.configure(default_pool_size=1, query_wait_timeout=1)
    behind_pgbouncer.tell("RELOAD")
    with psycopg.connect(behind_pgbouncer.url) as link:
        link.execute("SELECT 1")
        assert sqlstate.is_away(refused())
    assert refused() is None
    behind_pgbouncer.stop()
    for _ in range(2):
        assert sqlstate.is_away(refused())
    behind_pgbouncer.start()
    assert refused() is None


def refused() -> BaseException | None:
    """What a task's write ends with."""
    try:
        Run.objects.create(key="a", attempt=0, started=1.0)
    except DatabaseError as error:
        connection.close()
        return error
    return None


def test_a_server_that_takes_no_writes_is_found_though_a_pooler_says_what_it_said_before(
    pgbouncer: PgBouncer,
) -> None:
    """It repeats to a client what the first server told it, whatever the present one is."""
    name = connection.settings_dict["NAME"]
    direct = psycopg.connect(pgbouncer.target, autocommit=True)
    with direct, suppress(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")
        direct.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        try:
            found = refused_in_transaction()
        finally:
            direct.execute("SET default_transaction_read_only = off")
            direct.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
        raise DatabaseError
    assert sqlstate.is_away(found)


def refused_in_transaction() -> BaseException:
    with pytest.raises(DatabaseError) as raised:
        Run.objects.create(key="a", attempt=0, started=1.0)
    return raised.value
