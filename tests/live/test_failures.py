"""What fails for good is in its dead-letter queue, with the reason; what is killed runs again."""

import signal

import pytest
from django_celery_results.models import TaskResult

from app.celery import app
from switchyard.routing import QUEUES
from tests.gallery.models import Run
from tests.live.broker import dead_letters, reason
from tests.live.processes import Processes, eventually

pytestmark = pytest.mark.every_broker

#: delivery_limit in tests/fragile.py, which is not imported: it would change the queues of this process.
LIMIT_OF_THE_FRAGILE = 1


@pytest.mark.parametrize("queue", QUEUES)
def test_a_failing_task_ends_in_its_dead_letter_queue_with_its_reason(yard, vhost, queue: str) -> None:
    worker = yard.worker(queue)
    sent = app.tasks[f"gallery.{queue}_fail"].delay("doomed")
    [message] = dead_letters(vhost, queue, 1)
    assert [line["outcome"] for line in eventually(lambda: worker.events("task_finished"))] == ["failed"]
    assert message.headers["id"] == sent.id
    [death] = message.headers["x-death"]
    assert (death["reason"], death["queue"]) == ("rejected", queue)
    result = TaskResult.objects.get(task_id=sent.id)
    assert (result.status, result.task_name) == ("FAILURE", f"gallery.{queue}_fail")
    assert "doomed fails every time" in result.result
    assert "ValueError" in result.traceback


def test_an_unknown_task_is_dead_lettered(yard, vhost) -> None:
    yard.worker("io")
    with app.producer_pool.acquire() as producer:
        message = app.amqp.as_task_v2("from-a-newer-release", "gallery.io_unheard_of", (), {})
        app.amqp.send_task_message(producer, "gallery.io_unheard_of", message, queue=app.amqp.queues["io"])
    [message] = dead_letters(vhost, "io", 1)
    assert message.headers["id"] == "from-a-newer-release"


def test_a_killed_child_is_redelivered_up_to_the_delivery_limit_and_then_dead_lettered(yard, vhost) -> None:
    worker = yard.worker("cpu")
    sent = app.tasks["gallery.cpu_die"].delay("poison")
    [message] = dead_letters(vhost, "cpu", 1)
    assert message.headers["id"] == sent.id
    assert reason("cpu", message) == "delivery_limit"
    deliveries = QUEUES["cpu"].delivery_limit + 1
    assert Run.objects.filter(key="poison").count() == deliveries
    # The message is at the broker before the line of its end is in the log.
    eventually(lambda: len(worker.events("task_finished")) >= deliveries)
    assert [line["outcome"] for line in worker.events("task_finished")] == ["lost"] * deliveries


def test_a_poison_that_kills_every_worker_is_dead_lettered_after_a_bounded_number(yard, vhost) -> None:
    """Nobody lives to count: the first death leaves no trace but the broker's, each later one a row."""
    once_only = {"DJANGO_SETTINGS_MODULE": "tests.fragile"}
    assert yard.run("topology", "apply", env=once_only).returncode == 0
    sent = app.tasks["gallery.io_die"].delay("poison")
    for _ in range(LIMIT_OF_THE_FRAGILE + 2):
        assert yard.start("worker", "io", env=once_only).wait() == -signal.SIGKILL
    survivor = yard.worker("io", env=once_only)
    [message] = dead_letters(vhost, "io", 1)
    assert (message.headers["id"], reason("io", message)) == (sent.id, "delivery_limit")
    assert Run.objects.filter(key="poison").count() == LIMIT_OF_THE_FRAGILE + 2
    assert "delivery_limit" in TaskResult.objects.get(task_id=sent.id, status="FAILURE").result
    assert survivor.popen.poll() is None


@pytest.mark.parametrize("queue", QUEUES)
def test_a_killed_worker_loses_nothing_and_everything_it_held_runs_again(yard: Processes, queue: str) -> None:
    first = yard.worker(queue)
    for number in range(30):
        app.tasks[f"gallery.{queue}_wait"].delay(str(number), 1)
    slots = min(30, QUEUES[queue].concurrency)
    eventually(lambda: Run.objects.count() >= slots)
    first.kill_all()
    unfinished = set(Run.objects.filter(finished__isnull=True).values_list("key", flat=True))
    assert unfinished
    yard.worker(queue)
    eventually(lambda: Run.objects.filter(finished__isnull=False).values("key").distinct().count() == 30)
    assert unfinished <= set(Run.objects.filter(finished__isnull=False).values_list("key", flat=True))


@pytest.mark.parametrize("queue", QUEUES)
def test_sigterm_with_thirty_tasks_in_hand_loses_and_repeats_none(yard: Processes, queue: str) -> None:
    worker = yard.worker(queue, "--concurrency=30")
    for number in range(30):
        app.tasks[f"gallery.{queue}_wait"].delay(str(number), 4)
    eventually(lambda: Run.objects.count() == 30)
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 0
    assert Run.objects.filter(finished__isnull=False).count() == 30
    yard.worker(queue)
    app.tasks[f"gallery.{queue}_wait"].delay("after")
    eventually(lambda: Run.objects.filter(key="after", finished__isnull=False).exists())
    assert Run.objects.count() == 31


def test_tasks_in_hand_that_have_not_started_go_back_to_the_queue_on_sigterm(yard: Processes) -> None:
    worker = yard.worker("cpu", "--concurrency=1")
    for number in range(6):
        app.tasks["gallery.cpu_wait"].delay(str(number), 1)
    eventually(lambda: Run.objects.count() >= 1)
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 0
    yard.worker("cpu")
    eventually(lambda: Run.objects.filter(finished__isnull=False).count() == 6)
    assert Run.objects.count() == 6
