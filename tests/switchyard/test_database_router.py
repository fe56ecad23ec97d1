"""A project whose routers send reads to a replica, and writes to several databases."""

from typing import Any

import pytest
from django.db import connections, router, transaction
from django.db.models import Model
from django.utils.connection import ConnectionDoesNotExist
from django_celery_results.models import TaskResult

from app.celery import app
from switchyard.process.checks import engine_tables_are_written_to_one_database
from switchyard.relay.metrics import RelayMetrics
from switchyard.relay.relay import Relay
from switchyard.schedule.listing import listed, matching
from switchyard.tasks.once import once
from tests.gallery.models import Run


class Replica:
    """Reads from a replica so far behind that it is not there yet."""

    def db_for_read(self, model: type[Model], **_: Any) -> str:
        return "replica"


class Shards:
    def db_for_write(self, model: type[Model], **_: Any) -> str | None:
        return "second" if model._meta.app_label == "django_celery_results" else None


@pytest.fixture
def replica(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(router, "routers", [*router.routers, Replica()])


@pytest.mark.usefixtures("replica")
@pytest.mark.django_db(transaction=True)
def test_the_engine_reads_what_it_wrote_and_not_what_a_replica_has() -> None:
    with pytest.raises(ConnectionDoesNotExist, match="replica"):
        Run.objects.count()
    app.tasks["gallery.io_wait"].delay_on_commit("a")
    with transaction.atomic():
        assert len(Relay(RelayMetrics()).fetch("io", 10).messages) == 1
        assert [once("key", task="a"), once("key", task="a")] == [True, False]
    assert TaskResult.objects.count() == 0
    assert listed(matching()) == []


def test_a_router_that_writes_our_tables_elsewhere_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "second" not in connections
    monkeypatch.setattr(router, "routers", [*router.routers, Shards()])
    [error] = engine_tables_are_written_to_one_database()
    assert error.id == "yard.E13"
    assert "'second'" in error.msg
