"""A task that an error of the database's ended, by whose fault it was."""

from uuid import uuid4

import psycopg
import psycopg_pool
import pytest
from celery.app.task import Context
from django.db import Error as DatabaseError
from django.db import connection

from app.celery import app
from switchyard.outage import BrokerAway, Contended, DatabaseAway
from switchyard.tasks.results import MOST_CONTENTIONS


@pytest.mark.parametrize(
    ("error", "given_back"),
    [
        (psycopg.OperationalError("server closed the connection unexpectedly"), DatabaseAway),
        (psycopg_pool.PoolTimeout("couldn't get a connection after 30.00 sec"), DatabaseAway),
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
