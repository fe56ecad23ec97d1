"""The commit that takes the outbox along: one round trip for both, and one fate."""

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test.utils import CaptureQueriesContext
from psycopg.pq import TransactionStatus

from app.celery import app
from switchyard.outbox.models import Message
from tests.gallery.models import Run

pytestmark = pytest.mark.django_db(transaction=True)

io_wait = app.tasks["gallery.io_wait"]


def write_and_call() -> None:
    Run.objects.create(key="a", attempt=0, started=0.0)
    io_wait.delay_on_commit("a")


def committed() -> tuple[int, int]:
    """Rows of the caller's and of the outbox that another connection sees."""
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}) as other:
        runs = other.execute("SELECT count(*) FROM gallery_run").fetchone()
        messages = other.execute("SELECT count(*) FROM switchyard_outbox").fetchone()
    assert runs
    assert messages
    return runs[0], messages[0]


def test_the_insert_carries_the_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that Django's own commit finds nothing to do, and asks the server nothing."""
    left: list[TransactionStatus] = []
    commit = BaseDatabaseWrapper.commit

    def seen(wrapper: BaseDatabaseWrapper) -> None:
        left.append(wrapper.connection.info.transaction_status)
        commit(wrapper)

    monkeypatch.setattr(BaseDatabaseWrapper, "commit", seen)
    with transaction.atomic():
        write_and_call()
    with transaction.atomic():
        Run.objects.create(key="b", attempt=0, started=0.0)
    assert left == [TransactionStatus.IDLE, TransactionStatus.INTRANS]
    assert committed() == (2, 1)


def test_a_driver_that_takes_one_statement_at_a_time_gets_two(monkeypatch: pytest.MonkeyPatch) -> None:
    connection.close()
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "server_side_binding", True)
    try:
        with CaptureQueriesContext(connection) as queries, transaction.atomic():
            write_and_call()
        assert queries[-1]["sql"] == "COMMIT"
        assert committed() == (1, 1)
    finally:
        connection.close()


@pytest.fixture
def promised() -> None:
    """A constraint that is looked at by the commit."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE promised (run bigint REFERENCES gallery_run DEFERRABLE INITIALLY DEFERRED)"
        )
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE promised")


@transaction.atomic
def write_what_the_commit_refuses() -> None:
    write_and_call()
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO promised VALUES (-1)")


@pytest.mark.usefixtures("promised")
def test_a_commit_that_fails_raises_in_the_caller_and_keeps_nothing() -> None:
    with pytest.raises(IntegrityError, match="promised"):
        write_what_the_commit_refuses()
    assert committed() == (0, 0)
    with transaction.atomic():
        write_and_call()
    assert committed() == (1, 1)
    assert Message.objects.count() == 1


def test_hooks_after_the_commit_still_run_once_and_in_order() -> None:
    seen: list[str] = []
    with transaction.atomic():
        transaction.on_commit(lambda: seen.append("before"))
        write_and_call()
        transaction.on_commit(lambda: seen.append(f"after {committed()}"))
    assert seen == ["before", "after (1, 1)"]
