"""A vhost, and the roles that work in it, for each live test."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from kombu import Connection

from app.celery import app
from deploy.local.ports import free_ports
from deploy.local.postgres import Postgres
from deploy.local.rabbitmq import Broker
from switchyard.queues import EXCHANGE
from tests.live.broker import Vhost, dead, own_vhost
from tests.live.processes import Process, Processes, answer, eventually
from tests.live.projects import Habits, own_database
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
    for where in ("at_once", "amqp"):
        monkeypatch.setattr(f"switchyard.outbox.{where}.goes_at_once", lambda _: True)
    with own_vhost(broker) as own:
        settings.CELERY_BROKER_URL = own.url
        settings.SWITCHYARD_BROKER_MANAGEMENT_URL = own.management_url
        _forget_connections()
        yield own
        app.pool.force_close_all()
        _forget_connections()


@pytest.fixture(scope="module")
def habits(
    postgres: Postgres, broker: Broker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Habits]]:
    """Makes tests/habits, with a database and a vhost of its own and these variables."""
    with ExitStack() as stack:

        def make(**environment: str) -> Habits:
            database = stack.enter_context(own_database(postgres))
            own = stack.enter_context(own_vhost(broker))
            project = Habits(database, own, tmp_path_factory.mktemp("habits"), **environment)
            stack.callback(project.end)
            return project

        yield make


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
        # The caller's: all that workers do, with another client.
        "BROKER_READ_URL": os.environ.get("BROKER_READ_URL", ""),
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
def silent() -> Iterator[int]:
    """The port of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


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
