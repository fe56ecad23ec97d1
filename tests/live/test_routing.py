"""Each task runs on the queue that its route says, and nowhere else."""

import pytest
from celery.exceptions import QueueNotFound
from kombu.exceptions import OperationalError

from app.celery import app
from switchyard.outbox.errors import DestinationRefused
from switchyard.routing import QUEUES
from tests.gallery.models import Run
from tests.live.processes import Processes, eventually

pytestmark = pytest.mark.every_broker


def test_each_task_runs_on_the_queue_its_route_says_and_no_other(yard: Processes) -> None:
    for queue in QUEUES:
        yard.worker(queue)
    for queue in QUEUES:
        for number in range(20):
            app.tasks[f"gallery.{queue}_wait"].delay(f"{queue}-{number}")
    eventually(lambda: Run.objects.filter(finished__isnull=False).count() == 20 * len(QUEUES))
    for run in Run.objects.all():
        assert run.key.startswith(f"{run.queue}-")
        assert run.worker.startswith(f"{run.queue}@")


@pytest.mark.parametrize("queue", QUEUES)
def test_a_countdown_comes_to_the_same_queue_exactly_once(yard: Processes, queue: str) -> None:
    for each in QUEUES:
        yard.worker(each)
    app.tasks[f"gallery.{queue}_wait"].apply_async(("late",), countdown=1.2)
    app.tasks[f"gallery.{queue}_wait"].apply_async(("later",), countdown=3)
    eventually(lambda: Run.objects.filter(key="later", finished__isnull=False).exists())
    assert sorted(Run.objects.values_list("key", "queue")) == [("late", queue), ("later", queue)]


@pytest.mark.parametrize("queue", QUEUES)
def test_a_retry_comes_back_to_the_same_queue_exactly_once(yard: Processes, queue: str) -> None:
    cases: dict[str, list[float]] = {
        "at once": [0],
        "part of a second": [0.4],
        "later": [2],
        "mixed": [1, 0, 1],
    }
    for each in QUEUES:
        yard.worker(each)
    for key, countdowns in cases.items():
        app.tasks[f"gallery.{queue}_retry"].delay(key, countdowns)
    app.tasks[f"gallery.{queue}_wait"].apply_async(("behind them",), countdown=6)
    eventually(lambda: Run.objects.filter(key="behind them").exists())
    for key, countdowns in cases.items():
        runs = Run.objects.filter(key=key).order_by("attempt")
        assert [run.attempt for run in runs] == list(range(len(countdowns) + 1)), key
        assert {run.queue for run in runs} == {queue}
        assert len({run.task_id for run in runs}) == 1


def test_a_countdown_published_before_the_first_worker_is_not_lost(yard: Processes) -> None:
    app.tasks["gallery.io_wait"].apply_async(("early",), countdown=1)
    yard.worker("io")
    eventually(lambda: Run.objects.filter(key="early").exists())


def test_a_queue_named_at_call_time_is_refused_and_nothing_is_sent(yard: Processes) -> None:
    with pytest.raises(DestinationRefused, match="ROUTES"):
        app.tasks["gallery.io_wait"].apply_async(("stray",), queue="cpu")
    with pytest.raises(DestinationRefused, match="nowhere"):
        app.tasks["gallery.io_wait"].apply_async(("stray",), queue="nowhere")


def test_an_undeclared_queue_raises_also_for_a_task_that_is_sent_by_its_name(yard: Processes) -> None:
    with pytest.raises(QueueNotFound, match="nowhere"):
        app.send_task("gallery.io_wait", ("stray",), queue="nowhere")


def test_a_worker_for_an_undeclared_queue_does_not_start(yard: Processes) -> None:
    ours = yard.run("worker", "nowhere")
    assert ours.returncode == 2
    assert f"invalid choice: 'nowhere' (choose from {', '.join(map(repr, QUEUES))})" in ours.stderr


def test_a_publish_without_a_broker_raises_and_is_not_taken_for_sent(yard: Processes, monkeypatch) -> None:
    monkeypatch.setitem(app.conf, "broker_write_url", "pyamqp://guest@127.0.0.1:1//")
    app.amqp._producer_pool = None
    with pytest.raises(OperationalError):
        app.tasks["gallery.io_wait"].delay("nobody hears this")
    app.amqp._producer_pool = None
