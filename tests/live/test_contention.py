"""A transaction that PostgreSQL ended in favour of another one is not its task's fault, for a while."""

from typing import Any

import pytest

from app.celery import app
from switchyard.tasks.results import MOST_CONTENTIONS
from tests.gallery.models import Run
from tests.live.broker import dead
from tests.live.processes import Process, Processes, eventually


def outcomes(worker: Process) -> list[str]:
    return [line["outcome"] for line in worker.events("task_finished")]


@pytest.mark.parametrize("queue", ["io", "cpu"])
def test_the_victim_of_a_deadlock_runs_again_and_burns_no_attempt(
    yard: Processes, channel: Any, queue: str
) -> None:
    worker = yard.worker(queue)
    app.tasks[f"gallery.{queue}_lock"].delay("one", 1, 2)
    app.tasks[f"gallery.{queue}_lock"].delay("other", 2, 1)
    eventually(lambda: outcomes(worker).count("succeeded") == 2)
    assert "returned" in outcomes(worker)
    assert "failed" not in outcomes(worker)
    assert set(Run.objects.values_list("attempt", flat=True)) == {0}
    assert dead(channel, queue) == 0


def test_one_that_gives_way_each_time_is_dead_lettered_in_the_end(yard: Processes, channel: Any) -> None:
    """Before RabbitMQ 4.3 the broker's own limit of deliveries may come first."""
    worker = yard.worker("io")
    app.tasks["gallery.io_give_way"].delay("always")
    eventually(lambda: dead(channel, "io") == 1)
    assert 1 < Run.objects.count() <= MOST_CONTENTIONS + 1
    assert outcomes(worker)[0] == "returned"
