"""The broker users of k8s/components/rabbitmq have the rights that their roles need, and no others."""

import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import amqp
import httpx
import pytest
from amqp.exceptions import AccessRefused
from django.db import transaction

from app.celery import app
from switchyard.outbox.models import Message
from switchyard.routing import QUEUES
from tests.gallery.models import Run
from tests.live.broker import Vhost
from tests.live.processes import Processes, eventually
from tests.manifests.queue_manifests import rights
from tests.manifests.users import PASSWORD, ROLES, USERS, Users


@pytest.fixture
def urls(vhost: Vhost) -> Iterator[dict[str, dict[str, str]]]:
    """User to the variables of its role. The users end with the test."""
    assert [*rights(USERS)] == []
    users = Users(vhost)
    users.make()
    yield {role: users.variables(role) for role in ROLES}
    users.delete()


@pytest.fixture
def roles(processes: Processes, urls) -> Processes:
    """The topology, as the release's user applies it."""
    applied = processes.run("topology", "apply", env=urls["release"])
    assert applied.returncode == 0, applied.stderr
    checked = processes.run("topology", "check", env=urls["release"])
    assert checked.returncode == 0, checked.stdout
    return processes


@pytest.mark.parametrize("queue", QUEUES)
def test_a_task_and_its_retry_pass_relay_and_worker_as_their_own_users(roles, urls, queue) -> None:
    roles.worker(queue, env=urls["worker"])
    roles.relay(env=urls["relay"])
    with transaction.atomic():
        app.tasks[f"gallery.{queue}_wait"].delay_on_commit("once")
        app.tasks[f"gallery.{queue}_retry"].delay_on_commit("again", [1])
        app.tasks[f"gallery.{queue}_wait"].apply_async_on_commit(("much later",), countdown=600)
    finished = Run.objects.filter(finished__isnull=False)
    eventually(lambda: set(finished.values_list("key", flat=True)) == {"once", "again"})
    # At the broker: without the right to publish with a delay, its row would stay until that is over.
    eventually(lambda: not Message.objects.exists())


def test_the_exporter_reads_every_queue_as_its_own_user(roles, urls) -> None:
    with httpx.Client(base_url=urls["exporter"]["BROKER_MANAGEMENT_URL"], timeout=30) as management:
        vhost = urlsplit(urls["exporter"]["BROKER_URL"]).path
        names = {queue["name"] for queue in management.get(f"/api/queues{vhost}").raise_for_status().json()}
    assert names >= {spec.name for spec in QUEUES.values()}


def test_the_operator_counts_the_queues_and_takes_out_dead_letters_as_its_own_user(roles, urls) -> None:
    counted = roles.run("queues", "--json", env=urls["operator"])
    assert counted.returncode == 0, counted.stderr
    assert {queue["name"] for queue in json.loads(counted.stdout)["queues"]} == set(QUEUES)
    discarded = roles.run("deadletters", "discard", "--yes", env=urls["operator"])
    assert discarded.returncode == 0, discarded.stderr


REFUSED = {
    "relay takes a message": ("relay", lambda channel: channel.basic_get("io")),
    "relay deletes a queue": ("relay", lambda channel: channel.queue_delete("io")),
    "relay declares a queue": ("relay", lambda channel: channel.queue_declare("other")),
    "relay publishes past the routes": ("relay", lambda channel: publish(channel, "tasks.dead")),
    "worker reads the dead letters": ("worker", lambda channel: channel.basic_get("io.dead")),
    "worker empties the dead letters": ("worker", lambda channel: channel.queue_purge("cpu.dead")),
    "worker declares a queue of its own": ("worker", lambda channel: channel.queue_declare("other")),
    "exporter takes a message": ("exporter", lambda channel: channel.basic_get("io")),
    "operator takes a message": ("operator", lambda channel: channel.basic_get("io")),
    "operator empties a queue": ("operator", lambda channel: channel.queue_purge("cpu")),
    "worker takes what found no queue": ("worker", lambda channel: channel.basic_get("unroutable")),
    "relay publishes to what found no queue": ("relay", lambda channel: publish(channel, "tasks.unroutable")),
    "operator publishes": ("operator", lambda channel: publish(channel, "tasks")),
    "scaler publishes": ("scaler", lambda channel: publish(channel, "tasks")),
}


def publish(channel: amqp.Channel, exchange: str) -> None:
    channel.confirm_select()
    channel.basic_publish_confirm(amqp.Message("{}"), exchange=exchange, routing_key="io")


@pytest.fixture
def connect(roles, urls) -> Iterator:
    opened = []

    def connection(role: str) -> amqp.Connection:
        parts = urlsplit(urls[role]["BROKER_URL"])
        host = f"{parts.hostname}:{parts.port}"
        link = amqp.Connection(host, parts.username, PASSWORD, virtual_host=parts.path[1:])
        link.connect()
        opened.append(link)
        return link

    yield connection
    for link in opened:
        link.collect()


def test_what_a_role_has_no_need_of_is_refused(connect) -> None:
    allowed = [what for what, (role, does) in REFUSED.items() if not refused(connect(role), does)]
    assert allowed == []


def test_the_operator_takes_out_what_is_dead_of_a_queue_that_is_declared_no_more(connect) -> None:
    connect("release").channel().queue_declare("gone.dead", durable=True, auto_delete=False)
    assert not refused(connect("operator"), lambda channel: channel.basic_get("gone.dead"))


def refused(link: amqp.Connection, does) -> bool:
    try:
        does(link.channel())
    except AccessRefused:
        return True
    return False
