"""A task that an error of the database's ended, by whose fault it was."""

from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import psycopg
import psycopg_pool
import pytest
from celery import Celery
from celery.app.task import Context
from django.db import Error as DatabaseError
from django.db import connection
from kombu import Connection
from kombu.exceptions import LimitExceeded

from app.celery import app
from switchyard.outage import NOT_SENT, BrokerAway, Contended, DatabaseAway, DatabaseLost
from switchyard.postgresql.base import DatabaseWrapper
from switchyard.tasks.results import MOST_CONTENTIONS
from switchyard.worker.requeue import MOST_RETURNS, is_refused_for_good


@pytest.mark.parametrize(
    ("error", "given_back"),
    [
        (psycopg.OperationalError("server closed the connection unexpectedly"), DatabaseLost),
        (psycopg.errors.AdminShutdown("terminating connection"), DatabaseAway),
        (psycopg.errors.TooManyConnections("sorry, too many clients already"), DatabaseAway),
        (psycopg.errors.ReadOnlySqlTransaction("cannot execute INSERT"), DatabaseAway),
        (psycopg.errors.DeadlockDetected("deadlock detected"), Contended),
        (psycopg.errors.SerializationFailure("could not serialize access"), Contended),
        (psycopg.errors.QueryCanceled("canceling statement due to statement timeout"), None),
        (psycopg.errors.UniqueViolation("duplicate key"), None),
        (psycopg.errors.ConfigurationLimitExceeded("temporary file size exceeds temp_file_limit"), None),
        (psycopg.InterfaceError("the cursor is closed"), None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_what_a_database_says_of_itself_is_not_its_tasks_failure(
    db: None, error: Exception, given_back: type[Exception] | None
) -> None:
    """What Django raises, that is: a driver that the task uses by hand is the task's own affair."""
    with pytest.raises(DatabaseError) as raised, connection.wrap_database_errors:
        raise error
    assert ended_by(raised.value) is given_back
    assert ended_by(error) is None


class Refusing(DatabaseWrapper):
    """A connection of Django's to a database that lets nobody in."""

    def connect(self) -> None:
        raise psycopg_pool.PoolTimeout("couldn't get a connection after 30.00 sec")


@pytest.mark.parametrize(("alias", "given_back"), [("default", DatabaseAway), ("theirs", None)])
def test_a_database_that_lets_nobody_in_is_its_tasks_affair_unless_it_is_the_engines(
    db: None, alias: str, given_back: type[Exception] | None
) -> None:
    with pytest.raises(DatabaseError) as raised:
        Refusing(connection.settings_dict, alias).ensure_connection()
    assert ended_by(raised.value) is given_back


def test_a_connection_that_breaks_under_a_statement_has_an_end() -> None:
    """It may be the statement that breaks it. For a database that is not there no time is too long."""
    message = SimpleNamespace(headers={"x-acquired-count": MOST_RETURNS})
    assert is_refused_for_good(message, DatabaseLost("server closed the connection unexpectedly"))
    assert not is_refused_for_good(message, DatabaseAway("couldn't get a connection"))


def test_a_pool_without_a_free_connection_counts_if_it_is_ours(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = Connection("memory://").Pool(1)
    other = Celery("another", set_as_current=False)
    monkeypatch.setattr(app.amqp, "_producer_pool", NoneFree())
    monkeypatch.setattr(other.amqp, "_producer_pool", NoneFree())
    with full.acquire():
        assert ended_by(raised_by(full.acquire)) is None
    assert ended_by(raised_by(app.send_task, "gallery.io_wait")) is BrokerAway
    assert ended_by(raised_by(other.send_task, "gallery.io_wait")) is None


class NoneFree:
    def acquire(self, **_: Any) -> None:
        raise LimitExceeded(1)


def raised_by(call: Any, *args: Any) -> Exception:
    with pytest.raises(NOT_SENT) as raised:
        call(*args)
    return raised.value


def test_giving_way_to_other_transactions_has_an_end(db: None) -> None:
    with pytest.raises(DatabaseError) as raised, connection.wrap_database_errors:
        raise psycopg.errors.DeadlockDetected("deadlock detected")
    for header in ("x-acquired-count", "x-delivery-count"):
        assert ended_by(raised.value, **{header: MOST_CONTENTIONS - 1}) is Contended
        assert ended_by(raised.value, **{header: MOST_CONTENTIONS}) is None


def ended_by(error: Exception, **headers: int) -> type[Exception] | None:
    """What the backend raises in the place of a failure; None if the task failed."""
    request = Context(id=str(uuid4()), task="gallery.io_wait", **headers)
    try:
        app.backend.mark_as_failure(request.id, error, request=request)
    except BrokerAway as returned:
        return type(returned)
    return None
