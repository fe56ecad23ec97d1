"""A worker that is told to stop finishes what it has begun, and nothing of it runs again."""

import signal
import sys

import httpx
import pytest

from app.celery import app
from switchyard.routing import QUEUES
from tests.gallery.models import Run
from tests.live.broker import Vhost
from tests.live.processes import Process, Processes, eventually

pytestmark = pytest.mark.every_broker

QUICK = {"DJANGO_SETTINGS_MODULE": "tests.quick_heartbeat"}
STOCK = {"DJANGO_SETTINGS_MODULE": "tests.undrained"}

#: Far more than the two heartbeats of 5 s after which the broker cuts a silent connection.
LONG_SECONDS = 30


def send(queue: str, key: str, seconds: float) -> None:
    app.tasks[f"gallery.{queue}_wait"].delay(key, seconds)


def running(key: str) -> bool:
    return Run.objects.filter(key=key, finished__isnull=True).exists()


def finished(key: str) -> bool:
    return Run.objects.filter(key=key, finished__isnull=False).exists()


def drained(yard: Processes, queue: str, env: dict[str, str]) -> Process:
    """End a worker with nine short tasks and a long one in hand, and let another take what it left."""
    worker = yard.worker(queue, "--concurrency=10", env=env)
    for number in range(9):
        send(queue, str(number), 4)
    send(queue, "long", LONG_SECONDS)
    eventually(lambda: Run.objects.count() == 10)
    worker.signal(signal.SIGTERM)
    assert worker.wait(120) == 0
    yard.worker(queue)
    send(queue, "after", 0)
    eventually(lambda: finished("after"))
    eventually(lambda: not Run.objects.filter(finished__isnull=True).exists())
    return worker


@pytest.mark.parametrize("queue", QUEUES)
def test_a_drain_longer_than_two_heartbeats_repeats_nothing(yard: Processes, queue: str) -> None:
    worker = drained(yard, queue, QUICK)
    assert Run.objects.exclude(key="after").count() == 10
    assert "onnection to broker lost" not in worker.text()
    assert len(worker.events("worker_draining")) == 1


def test_without_our_drain_the_same_tasks_run_again_on_threads(yard: Processes) -> None:
    """The control. On processes a stock worker of Celery 5.7 does keep its connection for these 30 s."""
    drained(yard, "io", STOCK)
    eventually(lambda: Run.objects.exclude(key="after").count() > 10, what="a task that runs again")


@pytest.mark.parametrize("queue", QUEUES)
def test_a_plain_celery_worker_gives_back_what_it_has_not_begun_at_once(
    yard: Processes, vhost: Vhost, queue: str
) -> None:
    options = ["-Q", queue, "-P", QUEUES[queue].pool, "-c1", "--prefetch-multiplier=4"]
    worker = yard.start_command([sys.executable, "-m", "celery", "-A", "app", "worker", *options])
    yard.until_beating(worker)
    send(queue, "long", LONG_SECONDS)
    eventually(lambda: running("long"))
    for number in range(3):
        send(queue, str(number), 0)
    eventually(lambda: unacknowledged(vhost, queue) == 4, what="four messages in hand")
    worker.signal(signal.SIGTERM)
    yard.worker(queue)
    eventually(lambda: all(finished(str(number)) for number in range(3)))
    assert running("long")
    [line] = worker.events("worker_draining")
    assert (line["running"], line["returned"]) == (1, 3)
    assert worker.wait() == 0
    assert Run.objects.count() == 4


@pytest.mark.parametrize("queue", QUEUES)
def test_a_second_sigterm_changes_nothing_and_the_heartbeat_goes_on(yard: Processes, queue: str) -> None:
    worker = yard.worker(queue)
    send(queue, "long", 15)
    eventually(lambda: running("long"))
    worker.signal(signal.SIGTERM)
    eventually(lambda: worker.events("worker_draining"))
    worker.heartbeat.unlink()
    worker.signal(signal.SIGTERM)
    eventually(worker.heartbeat.exists, within=14, what="a heartbeat while draining")
    assert running("long")
    assert worker.wait() == 0
    assert finished("long")


@pytest.mark.parametrize("queue", QUEUES)
def test_sigquit_ends_a_draining_worker_at_once_and_its_task_runs_again(yard: Processes, queue: str) -> None:
    worker = yard.worker(queue)
    send(queue, "long", 50)
    eventually(lambda: running("long"))
    worker.signal(signal.SIGTERM)
    eventually(lambda: worker.events("worker_draining"))
    worker.signal(signal.SIGQUIT)
    worker.wait(30)
    assert not finished("long")
    yard.worker(queue)
    eventually(lambda: Run.objects.filter(key="long").count() == 2)


@pytest.mark.parametrize("queue", QUEUES)
def test_a_drain_that_loses_its_connection_ends_with_its_tasks(
    yard: Processes, vhost: Vhost, queue: str
) -> None:
    worker = yard.worker(queue)
    send(queue, "long", 12)
    eventually(lambda: running("long"))
    worker.signal(signal.SIGTERM)
    eventually(lambda: worker.events("worker_draining"))
    with httpx.Client(base_url=vhost.management_url, timeout=30) as management:
        eventually(lambda: cut(management, vhost.name, worker), what="the worker to lose its connection")
    assert worker.wait(60) == 0
    assert finished("long")


def unacknowledged(vhost: Vhost, queue: str) -> int:
    url = f"{vhost.management_url}/api/queues/{vhost.name}/{queue}"
    return httpx.get(url, timeout=30).json().get("messages_unacknowledged", 0)


def cut(management: httpx.Client, vhost: str, worker: Process) -> bool:
    """Close every connection in the vhost. True when the worker noticed."""
    for found in management.get(f"/api/vhosts/{vhost}/connections").json():
        management.delete(f"/api/connections/{found['name']}")
    return "Connection to broker lost" in worker.text()
