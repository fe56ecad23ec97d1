"""The exporter beside a real broker."""

import signal
import socket
import time
from collections.abc import Iterator

import httpx
import pytest
from django.core.management import call_command
from kombu import Connection
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from app.celery import app
from deploy.local.ports import free_ports
from switchyard.broker.management import Management
from switchyard.metrics.depths import queue_names
from switchyard.metrics.exporter import Exporter as Collector
from switchyard.metrics.exporter import Reads
from tests.live.broker import Vhost
from tests.live.processes import Process, Processes, eventually


@pytest.fixture
def scrape(vhost: Vhost, transactional_db: None) -> Iterator[CollectorRegistry]:
    call_command("switchyard", "topology", "apply", verbosity=0)
    with Management.from_settings() as management:
        registry = CollectorRegistry()
        registry.register(Collector(Reads.of(management)))
        yield registry


def depth(scrape: CollectorRegistry, what: str, queue: str) -> float | None:
    return scrape.get_sample_value(f"switchyard_queue_{what}", {"queue": queue})


def counts(scrape: CollectorRegistry, queue: str) -> tuple[float | None, ...]:
    """Ready, unacknowledged, consumers. The broker gathers them apart, so one may be there before another."""
    return tuple(
        depth(scrape, what, queue) for what in ("messages_ready", "messages_unacknowledged", "consumers")
    )


def test_the_depth_is_what_was_published_also_of_a_queue_that_never_had_a_worker(scrape) -> None:
    published = {"io": 7, "cpu": 3}
    for queue, count in published.items():
        for number in range(count):
            app.tasks[f"gallery.{queue}_wait"].delay(str(number))
    expected = {queue: (published.get(queue, 0), 0, 0) for queue in queue_names()}
    eventually(lambda: {queue: counts(scrape, queue) for queue in queue_names()} == expected)


def test_a_message_in_hand_is_unacknowledged_and_its_holder_a_consumer(scrape, vhost: Vhost) -> None:
    app.tasks["gallery.io_wait"].delay("held")
    with Connection(vhost.url) as connection:
        connection.default_channel.basic_consume("io", callback=lambda _: None)
        connection.drain_events(timeout=20)
        eventually(lambda: counts(scrape, "io") == (0, 1, 1))


def test_a_queue_that_was_deleted_is_said_to_be_missing(scrape, vhost: Vhost) -> None:
    assert depth(scrape, "declared", "cpu") == 1
    with Connection(vhost.url) as connection:
        connection.default_channel.queue_delete("cpu")
    eventually(lambda: depth(scrape, "declared", "cpu") == 0)
    assert depth(scrape, "messages_ready", "cpu") is None


class Exporter:
    """The role as a process, without a database."""

    def __init__(self, processes: Processes, management_url: str) -> None:
        self.port = free_ports(1)[0]
        self.process: Process = processes.start(
            "exporter",
            env={
                "EXPORTER_PORT": str(self.port),
                "BROKER_MANAGEMENT_URL": management_url,
                "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
            },
        )
        eventually(self.alive, what="the exporter's /livez")

    def alive(self) -> bool:
        assert self.process.popen.poll() is None, self.process.text()
        try:
            return self.get("/livez").is_success
        except httpx.TransportError:
            return False

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=10, trust_env=False)

    def values(self) -> dict[tuple[str, str], float]:
        families = text_string_to_metric_families(self.get("/metrics").text)
        samples = [sample for family in families for sample in family.samples]
        return {(sample.name, sample.labels.get("queue", "")): sample.value for sample in samples}


def test_the_role_needs_no_database_and_leaves_at_sigterm(yard: Processes, vhost: Vhost) -> None:
    exporter = Exporter(yard, vhost.management_url)
    assert exporter.values()["switchyard_broker_up", ""] == 1
    assert exporter.values()["switchyard_queue_declared", "io.dead"] == 1
    exporter.process.signal(signal.SIGTERM)
    assert exporter.process.wait(10) == 0
    assert "Traceback" not in exporter.process.text()


@pytest.mark.parametrize("manner", ["refuses", "is silent"])
def test_a_broker_that_is_away_is_up_0_within_two_seconds_and_has_no_depth(
    processes: Processes, manner: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1] if manner == "is silent" else free_ports(1)[0]
        exporter = Exporter(processes, f"http://user:secret@127.0.0.1:{port}")
        begun = time.monotonic()
        values = exporter.values()
        assert time.monotonic() - begun < 2
        assert values.pop(("switchyard_broker_up", "")) == 0
        assert values.pop(("switchyard_database_up", "")) == 0
        assert {name for name, _ in values} == {
            "switchyard_broker_last_read_age_seconds",
            "switchyard_queue_objective_seconds",
            "switchyard_exporter_scrape_seconds",
        }
        exporter.process.signal(signal.SIGTERM)
        assert exporter.process.wait(10) == 0
        assert [event["part"] for event in exporter.process.events("unreadable")].count("broker") == 1
        assert "secret" not in exporter.process.text()


def test_a_port_that_is_taken_is_one_sentence(processes: Processes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        refused = processes.run("exporter", env={"EXPORTER_PORT": str(taken.getsockname()[1])})
    assert refused.returncode == 1
    assert "Set EXPORTER_PORT" in refused.stderr
    assert "Traceback" not in refused.stderr
