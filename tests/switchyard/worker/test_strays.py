"""Connections that a task has opened in other threads than its own."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections
from django.db.backends.signals import connection_created

from switchyard.worker import strays
from switchyard.worker.isolation import in_own_context
from tests.gallery.models import Run
from tests.live.processes import eventually

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def connected() -> Iterator[None]:
    connection.ensure_connection()
    strays._strays.clear()
    connection_created.connect(strays._note)
    yield
    connection_created.disconnect(strays._note)
    strays._strays.clear()


def sessions() -> int:
    """Of the test's database, but for this thread's."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return cursor.fetchone()[0]


def cut() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_that_of_a_thread_that_has_ended_is_closed_at_the_end_of_the_task() -> None:
    before = sessions()
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda _: Run.objects.count(), range(4)))
    assert sessions() > before
    strays.look_after()
    eventually(lambda: sessions() == before, within=30)
    assert not strays._strays


@pytest.fixture
def pool(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As an io worker has it, or none."""
    connection.close()
    if request.param:
        options = {"min_size": 1, "max_size": 2}
        monkeypatch.setitem(connection.settings_dict["OPTIONS"], "pool", options)
    yield
    connection.close()
    connection.close_pool()


@pytest.mark.parametrize("pool", [True, False], indirect=True)
@pytest.mark.parametrize("health_checks", [True, False])
@pytest.mark.usefixtures("pool")
def test_that_of_a_thread_that_goes_on_is_checked_before_its_next_statement(
    health_checks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection.settings_dict, "CONN_HEALTH_CHECKS", health_checks)
    with ThreadPoolExecutor(1) as kept:
        assert kept.submit(Run.objects.count).result() == 0
        cut()
        strays.look_after()
        for _ in range(2):
            assert kept.submit(Run.objects.count).result() == 0
            strays.look_after()
        kept.submit(connections.close_all).result()


def test_that_of_a_thread_that_runs_tasks_is_celerys_own_matter() -> None:
    with ThreadPoolExecutor(1) as slot:
        slot.submit(in_own_context, Run.objects.count).result()
        assert not strays._strays
        strays.look_after()
        assert slot.submit(lambda: connection.connection.closed).result() is False
        slot.submit(connections.close_all).result()
