"""A vhost, and the roles that work in it, for each live test."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit
from uuid import uuid4

import httpx
import pytest
from django.core.management import call_command
from django.db import connection
from kombu import Connection

from app.celery import app
from deploy.local.ports import free_ports
from deploy.local.rabbitmq import Broker
from switchyard.queues import EXCHANGE
from tests.live.broker import Vhost, dead
from tests.live.processes import Process, Processes, answer, eventually
from tests.malformed import Draft


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.live)


@pytest.fixture
def vhost(broker: Broker, settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vhost]:
    """An empty vhost, which Django's settings and Celery point at for the length of the test.

    What the test itself sends goes there at once, as a running task's does; what it sends on commit does not.
    """
    for where in ("switchyard.tasks.base", "switchyard.outbox.amqp"):
        monkeypatch.setattr(f"{where}.goes_at_once", lambda _: True)
    name = f"test-{uuid4().hex[:12]}"
    parts = urlsplit(broker.url)
    url = urlunsplit(parts._replace(path=f"/{quote(name, safe='')}"))
    with httpx.Client(base_url=broker.management_url, timeout=30) as management:
        management.put(f"/api/vhosts/{name}").raise_for_status()
        rights = {"configure": ".*", "write": ".*", "read": ".*"}
        management.put(f"/api/permissions/{name}/{parts.username}", json=rights).raise_for_status()
        settings.CELERY_BROKER_URL = url
        settings.SWITCHYARD_BROKER_MANAGEMENT_URL = broker.management_url
        _forget_connections()
        yield Vhost(name, url, broker.management_url)
        app.pool.force_close_all()
        _forget_connections()
        management.delete(f"/api/vhosts/{name}").raise_for_status()


def _forget_connections() -> None:
    """Celery reads its settings from Django's at each use, but a pool keeps the address it was made for."""
    app.amqp._producer_pool = None
    app._pool = None


@pytest.fixture
def environment(transactional_db: None) -> dict[str, str]:
    """The variables of a role that works with the test's database; those of a broker are still to come."""
    database = connection.settings_dict
    return {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "PYTHONWARNINGS": "default",
        "SECRET_KEY": "only-for-tests",
        "ALLOWED_HOSTS": "localhost,127.0.0.1",
        "BIND_ADDRESS": "127.0.0.1",
        "RELAY_PORT": "0",
        "WORKER_METRICS_PORT": "0",
        "WEB_METRICS_PORT": "0",
        "LOG_FORMAT": "json",
        "WAIT_SECONDS": "20",
        "DATABASE_URL": "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**database),
    }


@pytest.fixture
def processes(vhost: Vhost, environment: dict[str, str], tmp_path: Path) -> Iterator[Processes]:
    """Starts roles of the service against the test's database and vhost."""
    addresses = {"BROKER_URL": vhost.url, "BROKER_MANAGEMENT_URL": vhost.management_url}
    started = Processes(environment | addresses, tmp_path)
    yield started
    started.end()


@pytest.fixture
def yard(processes: Processes) -> Processes:
    """A vhost with the declared topology, and a way to start workers in it."""
    call_command("switchyard", "topology", "apply", verbosity=0)
    return processes


@pytest.fixture
def web(yard: Processes) -> tuple[Process, str]:
    port = free_ports(1)[0]
    process = yard.start("web", env={"PORT": str(port)})
    eventually(lambda: answer(f"http://127.0.0.1:{port}/livez"), what="an answer from web")
    return process, f"http://127.0.0.1:{port}"


@pytest.fixture
def channel(vhost: Vhost) -> Iterator[Any]:
    """What a test itself does on the broker."""
    with Connection(vhost.url, transport_options=app.conf.broker_transport_options) as connection:
        yield connection.default_channel


@pytest.fixture
def bury(yard: Processes, channel: Any) -> Callable[..., None]:
    """Dead-letters messages as a worker would: taken from their work queue and rejected."""

    def bury(*drafts: Draft, queue: str = "io") -> None:
        before = dead(channel, queue)
        for draft in drafts:
            channel.basic_publish(draft.message("m"), exchange=EXCHANGE, routing_key=queue)
        for _ in drafts:
            message = eventually(lambda: channel.basic_get(queue), what=f"a message in {queue}")
            channel.basic_reject(message.delivery_tag, requeue=False)
        eventually(lambda: dead(channel, queue) == before + len(drafts), what="dead letters")

    return bury
