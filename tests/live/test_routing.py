"""Each task runs on the queue that its route says, and nowhere else."""

from collections.abc import Callable

import pytest
from kombu import Queue
from kombu.exceptions import OperationalError

from app.celery import app
from switchyard.outbox.errors import DestinationRefused
from switchyard.routing import QUEUES
from tests.gallery.models import Run
from tests.live.processes import Processes, eventually

pytestmark = pytest.mark.every_broker

CALLED_NEXT = app.tasks["gallery.io_wait"].si("next").set(queue="cpu")


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


def test_a_queue_named_at_call_time_is_where_a_call_goes_and_its_retries(yard: Processes) -> None:
    yard.worker("cpu")
    app.tasks["gallery.io_retry"].apply_async(("now", [1]), queue="cpu")
    app.tasks["gallery.io_retry"].apply_async(("late", [1]), queue="cpu", countdown=1)
    (app.tasks["gallery.io_wait"].si("first").set(queue="cpu") | CALLED_NEXT).delay()
    app.send_task("gallery.io_wait", ("by name",), queue=Queue("cpu"))
    wanted = sorted(["now", "now", "late", "late", "first", "next", "by name"])
    eventually(lambda: sorted(Run.objects.values_list("key", flat=True)) == wanted)
    assert all(run.worker.startswith("cpu@") for run in Run.objects.all())
    yard.relay()
    app.tasks["gallery.io_retry"].apply_async_on_commit(("by outbox", [1]), queue="cpu")
    eventually(lambda: Run.objects.filter(key="by outbox", worker__startswith="cpu@").count() == 2)


@pytest.mark.parametrize(
    "call",
    [
        lambda: app.tasks["gallery.io_wait"].apply_async(("stray",), queue="nowhere"),
        lambda: app.send_task("gallery.io_wait", ("stray",), queue="nowhere"),
        (app.tasks["gallery.io_wait"].si("a") | CALLED_NEXT.clone().set(queue="nowhere")).delay,
    ],
)
def test_an_undeclared_queue_is_refused_at_the_call(yard: Processes, call: Callable[[], object]) -> None:
    with pytest.raises(DestinationRefused, match="'nowhere', which is not a declared queue"):
        call()


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
