"""A broker that goes away while tasks have something to send costs no task and no attempt."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from celery import chain, chord
from kombu import Connection
from kombu.exceptions import OperationalError

from app.celery import app
from deploy.local.rabbitmq import Broker
from tests.gallery.models import Run
from tests.live.broker import Vhost, dead
from tests.live.processes import Process, Processes, eventually

pytestmark = pytest.mark.every_broker

#: So many tasks meet the outage in each pool.
TASKS = {"io": 100, "cpu": 4}

#: A policy that lets hardly anything into a queue.
FULL = {
    "pattern": "^cpu$",
    "apply-to": "queues",
    "priority": 99,
    "definition": {"max-length": 1, "overflow": "reject-publish"},
}


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    return tmp_path / "gate"


def outage(broker: Broker, gate: Path, met: Callable[[], bool]) -> None:
    """Take the broker away, let every task meet that, and bring it back."""
    broker.stop()
    gate.touch()
    try:
        eventually(met, what="every task to meet the outage")
    finally:
        broker.start()


def outcomes(worker: Process) -> list[str]:
    return [line["outcome"] for line in worker.events("task_finished")]


def dead_letters(vhost: Vhost, queue: str) -> int:
    """Asked by a new connection: an older one ended with the broker."""
    with Connection(vhost.url) as connection:
        return dead(connection.default_channel, queue)


def refused(queue: str) -> bool:
    try:
        app.tasks[f"gallery.{queue}_wait"].delay("fills the queue")
    except OperationalError:
        return True
    return False


def finished() -> list[tuple[str, int]]:
    return sorted(Run.objects.filter(finished__isnull=False).values_list("key", "attempt"))


@pytest.mark.parametrize("queue", TASKS)
def test_tasks_that_retry_while_the_broker_is_away_all_run_and_burn_no_attempt(
    yard: Processes, vhost: Vhost, broker: Broker, gate: Path, queue: str
) -> None:
    count = TASKS[queue]
    worker = yard.worker(queue, f"--concurrency={count}")
    for number in range(count):
        app.tasks[f"gallery.{queue}_retry_at_gate"].delay(f"{number:03}", str(gate))
    eventually(lambda: Run.objects.count() == count)
    outage(broker, gate, lambda: len(list(gate.parent.glob("gate.*"))) == count)
    eventually(lambda: len(finished()) == count)
    assert finished() == [(f"{number:03}", 1) for number in range(count)]
    eventually(lambda: outcomes(worker).count("succeeded") == count)
    assert set(outcomes(worker)) == {"returned", "retried", "succeeded"}
    assert dead_letters(vhost, queue) == 0


def test_the_next_step_of_a_chain_is_sent_when_the_broker_is_back(
    yard: Processes, vhost: Vhost, broker: Broker, gate: Path
) -> None:
    worker = yard.worker("io")
    first, second = app.tasks["gallery.io_pass_gate"], app.tasks["gallery.io_wait"]
    chain(first.si("first", str(gate)), second.si("second"))()
    eventually(Run.objects.exists)
    outage(broker, gate, lambda: "returned" in outcomes(worker))
    eventually(lambda: finished() == [("first", 0), ("first", 0), ("second", 0)])
    assert dead_letters(vhost, "io") == 0


def test_the_body_of_a_chord_is_sent_when_the_broker_is_back(
    yard: Processes, vhost: Vhost, broker: Broker, gate: Path
) -> None:
    worker = yard.worker("io")
    part, body = app.tasks["gallery.io_pass_gate"], app.tasks["gallery.io_wait"]
    chord([part.si(key, str(gate)).set(ignore_result=False) for key in "ab"])(body.si("body"))
    eventually(lambda: Run.objects.count() == 2)
    outage(broker, gate, lambda: "returned" in outcomes(worker))
    eventually(lambda: ("body", 0) in finished())
    assert dead_letters(vhost, "io") == 0
    assert "failed" not in outcomes(worker)


def test_a_task_whose_next_step_meets_a_full_queue_is_held_and_runs_again(
    yard: Processes, vhost: Vhost
) -> None:
    worker = yard.worker("io", env={"DJANGO_SETTINGS_MODULE": "tests.impatient"})
    policy = f"{vhost.management_url}/api/policies/{vhost.name}/full"
    httpx.put(policy, json=FULL, timeout=30).raise_for_status()
    eventually(lambda: refused("cpu"), what="the queue to be full")
    chain(app.tasks["gallery.io_wait"].si("first"), app.tasks["gallery.cpu_wait"].si("second"))()
    eventually(lambda: "returned" in outcomes(worker))
    httpx.delete(policy, timeout=30).raise_for_status()
    yard.worker("cpu")
    eventually(lambda: ("second", 0) in finished())
    # The second is sent before the first has ended.
    eventually(lambda: "succeeded" in outcomes(worker))
    assert set(outcomes(worker)) == {"returned", "succeeded"}
    assert dead_letters(vhost, "io") == 0
