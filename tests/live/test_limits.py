"""Time limits hold in both pools; on threads the worker gives way to a task that cannot be stopped."""

import signal

import pytest
from django_celery_results.models import TaskResult

from app.celery import app
from switchyard.routing import QUEUES
from switchyard.worker.threads import OVERDUE_EXIT_CODE
from tests.gallery.models import Run
from tests.live.broker import dead_letters, reason
from tests.live.processes import Processes, eventually


@pytest.mark.parametrize("queue", QUEUES)
def test_a_task_past_its_soft_limit_is_interrupted_and_fails(yard, vhost, queue: str) -> None:
    worker = yard.worker(queue)
    sent = app.tasks[f"gallery.{queue}_linger"].apply_async(("slow", 60), soft_time_limit=1)
    [message] = dead_letters(vhost, queue, 1)
    assert message.headers["id"] == sent.id
    assert "SoftTimeLimitExceeded" in TaskResult.objects.get(task_id=sent.id).traceback
    assert [line["outcome"] for line in eventually(lambda: worker.events("task_finished"))] == ["failed"]
    assert Run.objects.filter(finished__isnull=True).count() == 1


def test_an_overdue_task_in_a_thread_ends_dead_lettered_and_its_neighbours_run_once(yard, vhost) -> None:
    sent = app.tasks["gallery.io_wait"].apply_async(("stuck", 170), soft_time_limit=1, time_limit=2)
    deliveries = QUEUES["io"].delivery_limit + 1
    for delivery in range(deliveries):
        worker = yard.worker("io", "--concurrency=10")
        for number in range(3):
            app.tasks["gallery.io_wait"].delay(f"{delivery}-{number}", 4)
        assert worker.wait(40) == OVERDUE_EXIT_CODE
        assert "timed_out" in [line["outcome"] for line in worker.events("task_finished")]
    [message] = dead_letters(vhost, "io", 1)
    assert message.headers["id"] == sent.id
    assert reason("io", message) == "delivery_limit"
    assert "TimeLimitExceeded" in TaskResult.objects.get(task_id=sent.id).result
    assert Run.objects.filter(key="stuck").count() == deliveries
    yard.worker("io")
    neighbours = Run.objects.exclude(key="stuck")
    eventually(lambda: neighbours.filter(finished__isnull=False).count() == 3 * deliveries)
    assert neighbours.count() == 3 * deliveries


def test_a_stuck_thread_does_not_hold_a_draining_worker_past_its_hard_limit(yard: Processes) -> None:
    worker = yard.worker("io")
    app.tasks["gallery.io_wait"].apply_async(("stuck", 170), soft_time_limit=1, time_limit=6)
    eventually(Run.objects.exists)
    worker.signal(signal.SIGTERM)
    assert worker.wait(40) == OVERDUE_EXIT_CODE


def test_a_task_that_calls_sys_exit_in_a_thread_counts_as_a_lost_worker(yard, vhost) -> None:
    worker = yard.worker("io")
    app.tasks["gallery.io_leave"].delay("leaver")
    [message] = dead_letters(vhost, "io", 1)
    assert reason("io", message) == "delivery_limit"
    deliveries = QUEUES["io"].delivery_limit + 1
    # The message is at the broker before the line of its end is in the log.
    eventually(lambda: len(worker.events("task_finished")) >= deliveries)
    assert [line["outcome"] for line in worker.events("task_finished")] == ["lost"] * deliveries
