"""A connection that answers is not yet one that can do its work."""

from contextlib import suppress
from typing import Any

import psycopg
import pytest
from django.db import InternalError, OperationalError, connection, transaction

from switchyard import sqlstate
from switchyard.postgresql import health
from switchyard.postgresql.base import DatabaseWrapper
from switchyard.postgresql.pool import share_connections
from tests.gallery.models import Run

#: What an old primary is for those who are connected to it after a switchover.
NO_WRITES = "SET default_transaction_read_only = on"


def make(key: str = "a") -> Run:
    return Run.objects.create(key=key, attempt=0, started=1.0)


def as_on_a_standby(raw: Any) -> Any:
    raw.execute(NO_WRITES)
    return raw


def lend_read_only(pool: Any) -> Any:
    """Put a connection into the pool that answers, and takes no writes any more."""
    raw = as_on_a_standby(pool.getconn())
    pool.putconn(raw)
    return raw


def test_a_connection_that_takes_no_writes_is_left_out_of_the_pool(pooled: Any, monkeypatch: Any) -> None:
    make()
    stale = lend_read_only(pooled.pool)
    monkeypatch.setattr(health, "TRUSTED_SECONDS", 0)
    make()
    make()
    assert stale.closed


def test_a_connection_that_was_cut_is_left_out_though_it_answered_just_now(
    pooled: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(health, "TRUSTED_SECONDS", 60)
    with pooled.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [pid] = cursor.fetchone()
    with psycopg.connect(**pooled.get_connection_params(), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])
    make()
    with pooled.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        assert cursor.fetchone() != (pid,)


def test_a_write_that_a_server_refuses_costs_the_connection(pooled: Any) -> None:
    """Though it was lent within the time in which nobody asks."""
    with pooled.cursor() as cursor:
        raw = as_on_a_standby(pooled.connection)
        with pytest.raises(InternalError) as raised:
            cursor.execute("DELETE FROM gallery_run")
    assert sqlstate.is_away(raised.value)
    assert raw.closed
    make()


def test_a_transaction_that_is_read_only_by_choice_is_the_tasks_own_mistake(pooled: Any) -> None:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")
        with pytest.raises(InternalError) as raised:
            make()
        transaction.set_rollback(True)
    assert not sqlstate.is_away(raised.value)


@pytest.mark.django_db
def test_the_default_database_is_a_server_that_takes_writes_and_another_is_any() -> None:
    found = connection.get_connection_params()
    assert found["target_session_attrs"] == "read-write"
    replica = DatabaseWrapper(connection.settings_dict, alias="replica")
    assert "target_session_attrs" not in replica.get_connection_params()
    with pytest.raises(psycopg.OperationalError, match="read-only"):
        psycopg.connect(**found, options="-c default_transaction_read_only=on")


def test_django_drops_a_connection_that_takes_no_writes(transactional_db: None) -> None:
    make()
    raw = as_on_a_standby(connection.connection)
    with suppress(InternalError):
        make()
    connection.close_if_unusable_or_obsolete()
    assert raw.closed
    make()


def test_a_pool_of_the_projects_own_is_kept_and_pools_transactions(pooled: Any) -> None:
    del pooled.settings_dict["TRANSACTION_POOLING"]
    pooled.settings_dict["CONN_HEALTH_CHECKS"] = True
    own = dict(pooled.settings_dict["OPTIONS"]["pool"])
    share_connections(wait_seconds=30, between_transactions=True)
    make()
    assert pooled.settings_dict["OPTIONS"]["pool"] == own
    assert pooled.connection is None
    assert pooled.pool.timeout == own["timeout"]


def test_a_server_that_is_not_there_is_away(pooled: Any) -> None:
    nowhere = DatabaseWrapper(pooled.settings_dict | {"PORT": "1", "OPTIONS": {}}, alias="nowhere")
    with pytest.raises(OperationalError) as raised:
        nowhere.ensure_connection()
    assert sqlstate.is_away(raised.value)
