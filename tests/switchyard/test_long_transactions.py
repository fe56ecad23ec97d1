"""Rows that are gone, and kept for somebody's long transaction, cost nobody who reads a table beside them.

The outbox has a file of its own (relay/test_long_transactions.py).
"""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from switchyard import database
from switchyard.schedule import models
from switchyard.schedule.models import Tick
from switchyard.tasks.models import Once
from switchyard.tasks.once import purge_once
from switchyard.worker import losses
from switchyard.worker.models import RunAtRisk
from tests.blocks import blocks_read_by
from tests.switchyard.relay.instant import open_transaction

pytestmark = pytest.mark.django_db(transaction=True)


def marks(count: int) -> None:
    old = timezone.now() - timedelta(days=100)
    Once.objects.bulk_create(
        Once(task="t", key=f"{number}", created_at=old + number * timedelta(seconds=1))
        for number in range(count)
    )


def ticks(count: int) -> None:
    old = timezone.now() - timedelta(days=30)
    Tick.objects.bulk_create(
        Tick(entry="e", due_at=old + number * timedelta(seconds=1), sent_at=old, task_id="0" * 32)
        for number in range(count)
    )


def prune() -> None:
    begin = models.FIRST
    while begin := Tick.objects.prune(timezone.now(), begin):
        pass


@pytest.mark.parametrize(("fill", "clean"), [(marks, purge_once), (ticks, prune)])
def test_each_batch_of_a_cleaning_begins_where_the_last_one_ended(fill, clean, monkeypatch) -> None:
    monkeypatch.setattr(database, "BATCH_ROWS", 50)
    monkeypatch.setattr(models, "PRUNED_AT_ONCE", 50)

    def cleaned() -> int:
        """By the index, as with more rows than a test has."""
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
            return blocks_read_by(clean)

    with open_transaction():
        fill(1000)
        once = cleaned()
        fill(1000)
        twice = cleaned()
    assert Once.objects.count() + Tick.objects.count() <= 2
    # What the first cleaning has left behind is passed once or twice, and not by each of twenty batches.
    assert twice - once <= 5 * 1000


def message() -> Any:
    return SimpleNamespace(headers={"id": "x"}, delivery_info={"routing_key": "io"})


@pytest.mark.parametrize("ask", [losses.live_on, losses.ids_given_up, lambda: losses.count_loss(message())])
def test_what_is_known_of_runs_is_asked_without_reading_those_that_have_ended(ask) -> None:
    fresh = blocks_read_by(ask)
    RunAtRisk.objects.all().delete()
    with open_transaction():
        RunAtRisk.objects.bulk_create(
            RunAtRisk(task_id=f"{number}", retries=0, process="another's") for number in range(3000)
        )
        RunAtRisk.objects.all().delete()
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE switchyard_run_at_risk")
        assert blocks_read_by(ask) <= fresh + 20
