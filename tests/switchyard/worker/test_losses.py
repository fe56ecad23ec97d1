"""A message is given up when its runs were lost more often than its queue allows, and for nothing else."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from django.db.models.functions import Now

from switchyard.routing import QUEUES
from switchyard.worker import losses
from switchyard.worker.losses import RunAtRisk

LIMIT = QUEUES["io"].delivery_limit

pytestmark = pytest.mark.django_db


def message(deliveries: int = 0, task_id: str = "one", retries: int = 0) -> Any:
    headers = {"id": task_id, "retries": retries, "x-delivery-count": deliveries}
    return SimpleNamespace(headers=headers, delivery_info={"routing_key": "io"})


def task(redelivered: bool = True) -> Any:
    return SimpleNamespace(request=SimpleNamespace(retries=0, delivery_info={"redelivered": redelivered}))


def begin(redelivered: bool = True) -> None:
    losses.begin("one", task(redelivered).request)


def run_and_die(times: int, *, seconds_ago: int) -> None:
    """Begin so many redelivered runs, each in a worker that is never heard of again."""
    for number in range(times):
        with patch.object(losses, "PROCESS", f"dead {number}"):
            begin()
    RunAtRisk.objects.update(began_at=Now() - timedelta(seconds=seconds_ago))


def test_the_loss_beyond_the_limit_is_the_last() -> None:
    assert [losses.count_loss(message()) for _ in range(LIMIT + 1)] == [False] * LIMIT + [True]
    assert losses.ids_given_up() == {"one"}


def test_a_count_that_a_sender_wrote_ends_no_worker() -> None:
    forged = message()
    forged.headers["x-delivery-count"] = "evil"
    assert losses.lost_too_often(forged) is False


def test_another_attempt_or_task_is_counted_anew() -> None:
    for _ in range(LIMIT + 1):
        losses.count_loss(message())
    assert not losses.count_loss(message(retries=1))
    assert not losses.count_loss(message(task_id="two"))


def test_what_is_sent_again_is_counted_anew() -> None:
    for _ in range(LIMIT + 1):
        losses.count_loss(message())
    losses.forget({"one"})
    assert losses.ids_given_up() == set()
    assert not losses.count_loss(message())


def test_deaths_of_workers_count_when_they_are_certain() -> None:
    run_and_die(LIMIT + 1, seconds_ago=0)
    assert losses.lost_too_often(message(LIMIT + 1)) is None
    run_and_die(0, seconds_ago=60)
    assert losses.lost_too_often(message(LIMIT + 1)) is True


def test_so_many_deaths_as_the_limit_are_not_too_many() -> None:
    run_and_die(LIMIT, seconds_ago=60)
    assert losses.lost_too_often(message(LIMIT + 1)) is False


def test_a_worker_that_lost_its_connection_and_lives_has_lost_no_run() -> None:
    for _ in range(LIMIT + 1):
        begin()
        losses.live_on()
    assert losses.lost_too_often(message(100)) is False


def test_a_run_that_ends_is_not_at_risk_any_more_and_a_first_delivery_never_is(
    django_assert_num_queries,
) -> None:
    begin()
    losses.end("one", task())
    assert not RunAtRisk.objects.exists()
    with django_assert_num_queries(0):
        begin(redelivered=False)
        losses.end("one", task(redelivered=False))


def test_the_database_is_asked_only_for_what_came_more_often_than_the_limit(
    django_assert_num_queries,
) -> None:
    with django_assert_num_queries(0):
        assert losses.lost_too_often(message(LIMIT)) is False


def test_a_run_that_was_counted_by_its_worker_counts_once() -> None:
    begin()
    losses.count_loss(message())
    assert RunAtRisk.objects.count() == 1


def test_rows_are_not_kept_for_ever() -> None:
    run_and_die(1, seconds_ago=100 * 86_400)
    losses.count_loss(message(task_id="two"))
    assert [*RunAtRisk.objects.values_list("task_id", flat=True)] == ["two"]
