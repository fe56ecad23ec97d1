"""What a scrape says when the broker answers, is away, hangs or talks nonsense."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread

import httpx
import pytest
from prometheus_client import CollectorRegistry

from app.broker.management import Management, ManagementError
from app.metrics.depths import Depth, queue_names, read_depths
from app.metrics.exporter import BrokerCollector
from app.metrics.server import listening
from app.queues import QUEUES
from tests.unit.answering import answering

DEPTHS = {name: Depth(number, 1, 2) for number, name in enumerate(queue_names())}


def registry(read: Callable[[], dict[str, Depth]], **options: float) -> CollectorRegistry:
    found = CollectorRegistry()
    found.register(BrokerCollector(read, **options))
    return found


def names(found: CollectorRegistry) -> set[str]:
    return {metric.name for metric in found.collect() if metric.samples}


def value(found: CollectorRegistry, name: str, **labels: str) -> float | None:
    return found.get_sample_value(f"switchyard_{name}", labels)


def failing() -> dict[str, Depth]:
    raise ManagementError("away")


def test_each_declared_queue_and_its_dead_letter_queue_has_every_series() -> None:
    found = registry(lambda: DEPTHS)
    for queue, depth in DEPTHS.items():
        assert value(found, "queue_messages_ready", queue=queue) == depth.messages_ready
        assert value(found, "queue_messages_unacknowledged", queue=queue) == 1
        assert value(found, "queue_consumers", queue=queue) == 2
        assert value(found, "queue_declared", queue=queue) == 1
    assert value(found, "broker_up") == 1
    assert {name for spec in QUEUES.values() for name in (spec.name, spec.dead_letter_queue)} == set(DEPTHS)


def test_a_queue_that_is_not_on_the_broker_is_said_to_be_missing_and_has_no_depth() -> None:
    found = registry(lambda: {"io": Depth(0, 0, 0)})
    assert value(found, "queue_declared", queue="cpu") == 0
    assert value(found, "queue_messages_ready", queue="cpu") is None
    assert value(found, "queue_consumers", queue="cpu") is None


def test_a_depth_that_the_broker_does_not_know_is_not_zero() -> None:
    found = registry(lambda: {"io": Depth(None, None, None)})
    assert value(found, "queue_declared", queue="io") == 1
    assert value(found, "queue_messages_ready", queue="io") is None


def test_queues_of_others_never_become_labels() -> None:
    body = b'[{"name": "theirs", "messages_ready": 1}, {"name": "io", "messages_ready": 4, "consumers": "x"}]'
    with answering(200, body) as api, Management(api.url, "yard") as management:
        assert read_depths(management) == {"io": Depth(4, None, None)}
    assert len(api.requests) == 1


def test_a_broker_that_is_away_leaves_no_depth_behind() -> None:
    away = Event()
    found = registry(lambda: failing() if away.is_set() else DEPTHS)
    assert value(found, "queue_messages_ready", queue="cpu") == 2
    away.set()
    assert value(found, "broker_up") == 0
    assert names(found) == {"switchyard_broker_up", "switchyard_broker_last_read_age_seconds"}


def test_the_age_counts_from_the_last_successful_read() -> None:
    away = Event()
    found = registry(lambda: failing() if away.is_set() else DEPTHS)
    young = value(found, "broker_last_read_age_seconds")
    away.set()
    first = value(found, "broker_last_read_age_seconds")
    second = value(found, "broker_last_read_age_seconds")
    away.clear()
    again = value(found, "broker_last_read_age_seconds")
    assert None not in {young, first, second, again}
    assert first < second
    assert again < second


def test_a_broker_that_hangs_is_up_0_within_two_seconds_however_many_ask() -> None:
    hang, reads = Event(), []
    try:
        found = registry(lambda: reads.append(1) or hang.wait(60))
        begun = time.monotonic()
        with ThreadPoolExecutor(20) as scrapers:
            seen = list(scrapers.map(lambda _: names(found), range(20)))
        assert time.monotonic() - begun < 2
        assert set().union(*seen) == {"switchyard_broker_up", "switchyard_broker_last_read_age_seconds"}
        assert len(reads) == 1
    finally:
        hang.set()


def test_a_broker_that_came_back_is_read_again() -> None:
    hang = Event()
    found = registry(lambda: hang.wait(60) and DEPTHS, wait_seconds=0.05)
    assert value(found, "broker_up") == 0
    hang.set()
    deadline = time.monotonic() + 10
    while not value(found, "broker_up"):
        assert time.monotonic() < deadline


@pytest.fixture
def url() -> Iterator[str]:
    with listening("127.0.0.1", 0, BrokerCollector(lambda: DEPTHS)) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_metrics_and_livez_are_all_that_is_served(url: str) -> None:
    with httpx.Client(base_url=url, trust_env=False) as client:
        metrics = client.get("/metrics")
        assert 'switchyard_queue_messages_ready{queue="cpu"} 2.0' in metrics.text
        assert metrics.headers["Content-Type"].startswith("text/plain")
        assert client.get("/livez").status_code == 200
        assert client.get("/").status_code == 404


def test_livez_does_not_ask_the_broker() -> None:
    reads: list[int] = []
    with listening("127.0.0.1", 0, BrokerCollector(lambda: reads.append(1) or DEPTHS)) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        httpx.get(f"http://127.0.0.1:{server.server_port}/livez", trust_env=False).raise_for_status()
        server.shutdown()
    assert reads == []
