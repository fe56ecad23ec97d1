"""A worker whose broker stops letting it consume says so once, asks less and less often, and leaves."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest
import yaml
from amqp.exceptions import ConsumerCancelled, PreconditionFailed
from kombu import Consumer

from app.celery import app
from app.queues import IO
from switchyard.worker.subscription import Subscription
from tests.gallery.models import Run
from tests.live.broker import Vhost
from tests.live.processes import ROOT, Processes, eventually

pytestmark = pytest.mark.every_broker

RIGHT = "the-password"
#: Stock Celery writes the refusal down some 30 times in that time, and goes on for ever.
WAIT = {"WAIT_SECONDS": "8"}


@pytest.fixture
def http(vhost: Vhost) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=vhost.management_url, timeout=30, trust_env=False) as client:
        yield client


class Account:
    """A user of the broker, whose password somebody changes."""

    def __init__(self, vhost: Vhost, http: httpx.Client) -> None:
        self.name = f"user-of-{vhost.name}"
        self._vhost = vhost
        self._http = http
        self.password(RIGHT)
        self.rights({"configure": ".*", "write": ".*", "read": ".*"})

    def url(self) -> str:
        parts = urlsplit(self._vhost.url)
        return f"pyamqp://{self.name}:{RIGHT}@{parts.hostname}:{parts.port}{parts.path}"

    def password(self, password: str) -> None:
        self._http.put(f"/api/users/{self.name}", json={"password": password, "tags": ""}).raise_for_status()

    def rights(self, patterns: dict[str, str]) -> None:
        self._http.put(f"/api/permissions/{self._vhost.name}/{self.name}", json=patterns).raise_for_status()

    def cut(self) -> int:
        """Close the user's connections; how many there were."""
        found = self._http.get(f"/api/vhosts/{self._vhost.name}/connections").raise_for_status().json()
        names = [each["name"] for each in found if each.get("user") == self.name]
        for name in names:
            self._http.delete(f"/api/connections/{quote(name)}")
        return len(names)


@pytest.fixture
def account(vhost: Vhost, http: httpx.Client) -> Iterator[Account]:
    made = Account(vhost, http)
    yield made
    http.delete(f"/api/users/{made.name}").raise_for_status()


def test_a_password_that_changes_under_a_worker_is_said_once_and_ends_it(
    yard: Processes, account: Account
) -> None:
    worker = yard.worker("io", env={"BROKER_URL": account.url(), **WAIT})
    account.password("other")
    eventually(account.cut, what="the worker's connection")
    eventually(lambda: worker.events("consuming_refused"), what="the sentence")
    account.password(RIGHT)
    app.tasks["gallery.io_wait"].apply_async(args=("after",))
    eventually(lambda: Run.objects.filter(key="after", finished__isnull=False).exists())
    account.password("other")
    eventually(account.cut, what="the worker's connection")
    assert worker.wait(90) == 3
    refused = worker.events("consuming_refused")
    assert [line["remedy"].startswith("correct BROKER_URL") for line in refused] == [True, True]
    assert worker.text().count("ACCESS_REFUSED") < 10
    assert RIGHT not in worker.text()


def test_a_worker_needs_no_right_but_those_of_the_manifests(yard: Processes, account: Account) -> None:
    _, permission = yaml.safe_load_all((ROOT / "k8s/components/rabbitmq/users/worker.yaml").read_text())
    account.rights(permission["spec"]["permissions"])
    worker = yard.worker("io", env={"BROKER_URL": account.url(), **WAIT})
    app.tasks["gallery.io_wait"].apply_async(args=("allowed",))
    eventually(lambda: Run.objects.filter(key="allowed", finished__isnull=False).exists())
    assert "ACCESS_REFUSED" not in worker.text()


@pytest.mark.parametrize("before", [True, False], ids=["as it starts", "while it consumes"])
def test_a_queue_of_another_type_is_said_once_and_ends_it(
    yard: Processes, vhost: Vhost, http: httpx.Client, before: bool
) -> None:
    worker = None if before else yard.worker("io", env=WAIT)
    if worker:
        # It beats before it consumes, and takes what it has just declared for its own.
        eventually(lambda: " ready." in worker.text(), what="a worker that consumes")
    http.delete(f"/api/queues/{vhost.name}/io").raise_for_status()
    classic = {"durable": True, "arguments": {"x-queue-type": "classic"}}
    http.put(f"/api/queues/{vhost.name}/io", json=classic).raise_for_status()
    worker = worker or yard.start("worker", "io", env=WAIT)
    assert worker.wait(90) == 3
    [refused] = worker.events("consuming_refused")
    assert "PreconditionFailed" in refused["reason"]
    assert "topology check" in refused["remedy"]
    assert worker.text().count("PRECONDITION_FAILED") < 10


def test_a_queue_that_is_deleted_under_a_worker_is_made_and_consumed_again(
    yard: Processes, vhost: Vhost, http: httpx.Client
) -> None:
    worker = yard.worker("io")
    # Celery passes over what the broker says in the tenth of a second after this.
    eventually(lambda: " ready." in worker.text(), what="a worker that consumes")
    http.delete(f"/api/queues/{vhost.name}/io").raise_for_status()
    eventually(lambda: http.get(f"/api/queues/{vhost.name}/io").is_success, what="the queue, made again")
    app.tasks["gallery.io_wait"].apply_async(args=("again",))
    eventually(lambda: Run.objects.filter(key="again", finished__isnull=False).exists())


@pytest.fixture
def consumer(yard: Processes, channel: Any) -> Iterator[Consumer]:
    """Of the queue for io, as a worker's, that reads no messages."""
    with Consumer(channel, [app.amqp.queues[IO.name]], auto_declare=False) as made:
        yield made


@pytest.mark.parametrize("how", ["its queue is deleted", "its channel is closed"])
def test_a_consumer_that_the_broker_has_ended_is_missed_even_if_the_error_was_passed_over(
    consumer: Consumer, channel: Any, vhost: Vhost, http: httpx.Client, how: str
) -> None:
    subscription = Subscription(consumer)
    subscription.look()
    if how == "its queue is deleted":
        http.delete(f"/api/queues/{vhost.name}/io").raise_for_status()
    else:
        channel.basic_ack(4711)
    with pytest.raises((ConsumerCancelled, PreconditionFailed)):
        channel.connection.drain_events(timeout=30)
    with pytest.raises(ConsumerCancelled):
        subscription.look()


def test_a_consumer_that_ended_itself_is_not_missed(consumer: Consumer) -> None:
    subscription = Subscription(consumer)
    consumer.cancel()
    subscription.look()
