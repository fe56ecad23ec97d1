"""The commit that takes the outbox along: one round trip for both, and one fate."""

from typing import Any

import psycopg
import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import IntegrityError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test.utils import CaptureQueriesContext
from psycopg.pq import TransactionStatus

from app.celery import app
from switchyard.outbox import rows
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


def test_a_commit_that_django_forbids_commits_nothing() -> None:
    with transaction.atomic():
        write_and_call()
        with pytest.raises(transaction.TransactionManagementError, match="atomic"):
            transaction.commit()
        assert committed() == (0, 0)
        transaction.set_rollback(True)
    assert committed() == (0, 0)


class Interrupted:
    """Stands for the insert, and is ended by something that is no error of the database's, once."""

    def __init__(self, *, after_it: bool) -> None:
        self._insert, self._after_it, self._calls = rows.insert, after_it, 0

    def __call__(self, *args: Any, **options: Any) -> None:
        self._calls += 1
        if self._calls > 1 or self._after_it:
            self._insert(*args, **options)
        if self._calls == 1:
            raise SoftTimeLimitExceeded


@pytest.mark.parametrize("after_it", [False, True])
def test_a_commit_that_a_soft_limit_ends_leaves_nothing_for_the_next_commit(
    after_it: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "insert", Interrupted(after_it=after_it))
    with pytest.raises(SoftTimeLimitExceeded), transaction.atomic():
        write_and_call()
    assert committed() == ((1, 1) if after_it else (0, 0))
    with transaction.atomic():
        Run.objects.create(key="b", attempt=0, started=0.0)
    assert committed() == ((2, 1) if after_it else (1, 0))


def test_what_a_savepoint_made_by_hand_takes_back_is_not_sent() -> None:
    """As django-import-export does for each row, and for the whole of a trial run."""
    with transaction.atomic():
        write_and_call()
        outer = transaction.savepoint()
        Run.objects.create(key="b", attempt=0, started=0.0)
        io_wait.delay_on_commit("b")
        inner = transaction.savepoint()
        io_wait.delay_on_commit("c")
        transaction.savepoint_commit(inner)
        transaction.savepoint_rollback(outer)
        kept = transaction.savepoint()
        io_wait.delay_on_commit("d")
        transaction.savepoint_commit(kept)
    assert committed() == (1, 2)
    assert [message.body.split('"')[1] for message in Message.objects.order_by("id")] == ["a", "d"]
