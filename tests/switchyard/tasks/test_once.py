"""An effect behind ``once`` happens once, with the transaction that it is in."""

from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta

import pytest
from celery import shared_task
from django.db import connection, transaction
from django.db.transaction import TransactionManagementError
from django.utils import timezone

from switchyard.schedule.sync import SCHEDULE
from switchyard.tasks.models import Once
from switchyard.tasks.once import KEPT, once, purge_once
from tests.live.processes import eventually

TASK = "gallery.io_mark"

#: Sessions that wait for a lock of the one that asks.
WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"


@shared_task(name=TASK)
def mark(key: str, breaks: bool = False) -> bool:
    with transaction.atomic():
        first = once(key)
        if breaks:
            raise ValueError(key)
    return first


def asked_by_another(key: str) -> bool:
    """``once`` in a thread, and so on a connection, of its own."""
    try:
        with transaction.atomic():
            return once(key, task=TASK)
    finally:
        connection.close()


def waiting_for_us() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(WAITING)
        return cursor.fetchone()[0] == 1


def test_only_the_first_run_is_told_to_go_on(transactional_db: None) -> None:
    assert [mark.apply(("invoice 1",)).get() for _ in range(3)] == [True, False, False]
    assert mark.apply(("invoice 2",)).get()


def test_a_run_that_rolls_back_leaves_the_effect_to_the_next(transactional_db: None) -> None:
    with pytest.raises(ValueError, match="invoice 1"):
        mark.apply(("invoice 1", True), throw=True)
    assert mark.apply(("invoice 1",)).get()


def test_two_tasks_may_use_the_same_key(transactional_db: None) -> None:
    with transaction.atomic():
        assert once("invoice 1", task="billing.charge")
        assert once("invoice 1", task="billing.remind")


@pytest.mark.parametrize("commits", [True, False])
def test_a_second_run_waits_for_the_first_and_goes_on_only_if_that_rolled_back(
    transactional_db: None, commits: bool
) -> None:
    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            assert once("invoice 1", task=TASK)
            second: Future[bool] = threads.submit(asked_by_another, "invoice 1")
            eventually(waiting_for_us)
            assert not second.done()
            transaction.set_rollback(not commits)
        assert second.result(30) is not commits


def test_outside_a_transaction_it_says_what_to_write(db: None) -> None:
    with pytest.raises(TransactionManagementError, match=r"with transaction\.atomic\(\)"):
        once("invoice 1", task=TASK)


def test_outside_a_task_it_asks_for_a_name(transactional_db: None) -> None:
    with transaction.atomic(), pytest.raises(RuntimeError, match="Pass one"):
        once("invoice 1")


def test_marks_are_purged_when_their_tasks_cannot_run_again(db: None) -> None:
    old = timezone.now() - KEPT - timedelta(minutes=1)
    Once.objects.create(task=TASK, key="old", created_at=old)
    Once.objects.create(task=TASK, key="new")
    purge_once.apply(throw=True)
    assert [kept.key for kept in Once.objects.all()] == ["new"]
    assert purge_once.name in {entry.task for entry in SCHEDULE.values()}
