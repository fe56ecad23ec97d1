"""The engine's part goes over a backend of somebody else's, whatever that does with its connections."""

from collections.abc import Iterator
from typing import Any

import psycopg_pool
import pytest
from django.db import connection, transaction
from django.db.backends.postgresql import base

from switchyard import DatabaseMixin
from switchyard.outbox.models import Message
from switchyard.process import checks
from tests.gallery.tasks import join
from tests.live.processes import eventually
from tests.switchyard.postgresql.test_pooling import lent


class Tenants(base.DatabaseWrapper):
    """Sets the tenant's schemas on each connection that is new to it, and forgets that it did with close."""

    schemas = "public"
    path_is_set = False

    def close(self) -> None:
        self.path_is_set = False
        super().close()

    def _cursor(self, name: str | None = None) -> Any:
        cursor = super()._cursor(name)
        if not self.path_is_set:
            self.path_is_set = True
            self.connection.execute(f"SET search_path = {self.schemas}, public")
        return cursor


class OwnPool(base.DatabaseWrapper):
    """Takes its connections from a pool that Django does not know."""

    own: Any = None

    def get_new_connection(self, conn_params: Any) -> Any:
        return self.own.getconn()

    def _close(self) -> None:
        self.own.putconn(self.connection)


class TenantsOfOurs(DatabaseMixin, Tenants):
    pass


class OwnPoolOfOurs(DatabaseMixin, OwnPool):
    pass


@pytest.fixture
def replaced(pooled: Any, request: Any) -> Iterator[Any]:
    """The test's database by the backend that the test names."""
    wrapper = request.param(pooled.settings_dict, alias="default")
    before = connection._connections["default"]
    connection._connections["default"] = wrapper
    yield wrapper
    wrapper.close()
    connection._connections["default"] = before


@pytest.mark.parametrize("replaced", [TenantsOfOurs, OwnPoolOfOurs], indirect=True, ids=["tenants", "pool"])
def test_a_backend_of_somebody_elses_is_accepted_and_commits_the_outbox(replaced: Any) -> None:
    with psycopg_pool.ConnectionPool(
        kwargs=replaced.get_connection_params() | {"autocommit": True}, min_size=1, max_size=2, open=True
    ) as own:
        if isinstance(replaced, OwnPool):
            del replaced.settings_dict["OPTIONS"]["pool"]
            replaced.own = own
        assert list(checks.database_commits_the_outbox()) == []
        with transaction.atomic():
            task_id = join.delay_on_commit([], "key")
        assert replaced.connection is None
        assert Message.objects.get().task_id == task_id
        assert replaced.connection is None
        eventually(lambda: lent(own) == 0)


@pytest.mark.parametrize("replaced", [TenantsOfOurs], indirect=True)
def test_a_tenants_schemas_are_set_on_each_connection_that_it_gets(replaced: Any) -> None:
    for schemas in ("one", "two"):
        replaced.schemas = schemas
        with replaced.cursor() as cursor:
            cursor.execute("SHOW search_path")
            assert cursor.fetchone() == (f"{schemas}, public",)
        assert replaced.connection is None
