"""What a scrape says when the broker answers, is away, hangs or talks nonsense."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread

import httpx
import pytest
from django.db import OperationalError
from prometheus_client import CollectorRegistry

from switchyard.broker.management import Management, ManagementError
from switchyard.metrics.beat import Beat
from switchyard.metrics.broker import Topology
from switchyard.metrics.database import DatabaseState
from switchyard.metrics.depths import Depth, queue_names
from switchyard.metrics.exporter import Exporter, Reads
from switchyard.metrics.server import listening
from switchyard.metrics.state import QueueState, Yard, read_yard
from switchyard.metrics.waits import Wait
from switchyard.queues import UNROUTABLE
from switchyard.routing import QUEUES
from tests.answering import answering

#: Far longer than a scrape may take, on any machine.
HANGS_SECONDS = 60

DEPTHS = {name: Depth(number, 1, 2) for number, name in enumerate(queue_names())}
STATES = {
    name: QueueState(name, True, 10, *(7,) * 6, 0.5, 0.4, 0.1, ((0.0, 1), (5.0, 2)), 3) for name in QUEUES
}
YARD = Yard(STATES, DEPTHS, 4)
WAITS = {name: Wait(0.1, 5.0, None) for name in QUEUES}
#: What the canaries say.
WAITED = {"switchyard_queue_oldest_wait_seconds", "switchyard_queue_canary_age_seconds"}
NO_BROKER = {"switchyard_broker_up", "switchyard_broker_last_read_age_seconds"}
#: What needs no broker, or comes from what is asked apart.
OWN = {"switchyard_exporter_scrape_seconds", "switchyard_queue_objective_seconds"}


def reads(**changed: Callable[[], object]) -> Reads:
    """All parts well but for those that are given."""
    whole = {
        "yard": lambda: YARD,
        "alarms": lambda: {"memory": False, "disk": True},
        "topology": lambda: Topology("4.3.6", 0),
        "database": lambda: DatabaseState(20, 100, 0.0),
        "waits": lambda: WAITS,
        "dead": dict,
        "beat": lambda: Beat(1, 1.5, 60.0, 0.0, 0, 0),
        "certificates": lambda: {"broker": 1e6},
    }
    return Reads(**(whole | changed))


def registry(read: Callable[[], Yard], **options: float) -> CollectorRegistry:
    return registered(reads(yard=read), **options)


def registered(read: Reads, **options: float) -> CollectorRegistry:
    found = CollectorRegistry()
    found.register(Exporter(read, **options))
    return found


def names(found: CollectorRegistry) -> set[str]:
    return {metric.name for metric in found.collect() if metric.samples}


def value(found: CollectorRegistry, name: str, **labels: str) -> float | None:
    return found.get_sample_value(f"switchyard_{name}", labels)


def failing() -> Yard:
    raise ManagementError("away")


def yard_of(**depths: Depth) -> Yard:
    states = {name: QueueState(name, name in depths, 10) for name in QUEUES}
    return Yard(states, depths, None)


def broker_names(found: CollectorRegistry) -> set[str]:
    """Without what another part serves."""
    others = tuple(f"switchyard_{part}" for part in ("database", "beat", "dead", "topology", "certificate"))
    alone = {"switchyard_broker_alarm", "switchyard_broker_info", *OWN}
    alone |= WAITED
    return {name for name in names(found) - alone if not name.startswith(others)}


def test_each_queue_that_the_broker_is_to_have_has_every_series() -> None:
    found = registry(lambda: YARD)
    for queue, depth in DEPTHS.items():
        assert value(found, "queue_messages_ready", queue=queue) == depth.messages_ready
        assert value(found, "queue_messages_unacknowledged", queue=queue) == 1
        assert value(found, "queue_consumers", queue=queue) == 2
        assert value(found, "queue_declared", queue=queue) == 1
    assert value(found, "broker_up") == 1
    dead = {name for spec in QUEUES.values() for name in (spec.name, spec.dead_letter_queue)}
    assert dead | {UNROUTABLE} == set(DEPTHS)


def test_a_queue_that_is_not_on_the_broker_is_said_to_be_missing_and_has_no_depth() -> None:
    found = registry(lambda: yard_of(io=Depth(0, 0, 0)))
    assert value(found, "queue_declared", queue="cpu") == 0
    assert value(found, "queue_messages_ready", queue="cpu") is None
    assert value(found, "queue_consumers", queue="cpu") is None


def test_a_depth_that_the_broker_does_not_know_is_not_zero() -> None:
    found = registry(lambda: yard_of(io=Depth(None, None, None)))
    assert value(found, "queue_declared", queue="io") == 1
    assert value(found, "queue_messages_ready", queue="io") is None


def test_queues_of_others_never_become_labels() -> None:
    body = (
        b'{"page_count": 1, "items": [{"name": "theirs", "messages_ready": 1},'
        b' {"name": "io", "messages_ready": 4, "consumers": "x"}]}'
    )
    with answering(200, body) as api, Management(api.url, "yard") as management:
        yard = read_yard(management)
    assert yard.depths == {"io": Depth(4, None, None)}
    assert yard.states.keys() == QUEUES.keys()
    assert len(api.requests) == 1


def test_a_broker_that_is_away_leaves_no_depth_behind() -> None:
    away = Event()
    found = registry(lambda: failing() if away.is_set() else YARD)
    assert value(found, "queue_messages_ready", queue="cpu") == DEPTHS["cpu"].messages_ready
    away.set()
    assert value(found, "broker_up") == 0
    assert broker_names(found) == NO_BROKER


def test_the_age_counts_from_the_last_successful_read() -> None:
    away = Event()
    found = registry(lambda: failing() if away.is_set() else YARD)
    young = value(found, "broker_last_read_age_seconds")
    away.set()
    first = value(found, "broker_last_read_age_seconds")
    second = value(found, "broker_last_read_age_seconds")
    away.clear()
    again = value(found, "broker_last_read_age_seconds")
    assert None not in {young, first, second, again}
    assert first < second
    assert again < second


def test_a_broker_that_hangs_is_up_0_soon_however_many_ask() -> None:
    hang, asked = Event(), []
    try:
        found = registry(lambda: asked.append(1) or hang.wait(HANGS_SECONDS))
        begun = time.monotonic()
        with ThreadPoolExecutor(20) as scrapers:
            seen = list(scrapers.map(lambda _: broker_names(found), range(20)))
        assert time.monotonic() - begun < HANGS_SECONDS / 2
        assert set().union(*seen) == NO_BROKER
        assert len(asked) == 1
    finally:
        hang.set()


def test_a_broker_that_came_back_is_read_again() -> None:
    hang = Event()
    found = registry(lambda: hang.wait(60) and YARD, wait_seconds=0.05)
    assert value(found, "broker_up") == 0
    hang.set()
    deadline = time.monotonic() + 10
    while not value(found, "broker_up"):
        assert time.monotonic() < deadline


@pytest.fixture
def url() -> Iterator[str]:
    with listening("127.0.0.1", 0, Exporter(reads())) as server:
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
    asked: list[int] = []
    with listening("127.0.0.1", 0, Exporter(reads(yard=lambda: asked.append(1) or YARD))) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        httpx.get(f"http://127.0.0.1:{server.server_port}/livez", trust_env=False).raise_for_status()
        server.shutdown()
    assert asked == []


@pytest.mark.parametrize(
    ("part", "lost"),
    [
        ("yard", "broker_up"),
        ("alarms", "broker_alarm"),
        ("topology", "topology_drift"),
        ("database", "database_up"),
        ("waits", "queue_oldest_wait_seconds"),
        ("dead", "deadletters_oldest_seconds"),
        ("beat", "beat_lease_held"),
        ("certificates", "certificate_remaining_seconds"),
    ],
)
@pytest.mark.parametrize("manner", ["raises", "hangs", "is broken"])
def test_a_part_that_is_away_takes_no_other_with_it(part: str, lost: str, manner: str) -> None:
    whole, hang = names(registered(reads())), Event()

    def away() -> None:
        if manner == "hangs":
            hang.wait(60)
        if manner == "is broken":
            raise KeyError("a mistake of ours")
        raise ManagementError("away") if part in {"yard", "alarms", "topology"} else OperationalError("away")

    try:
        found = registered(reads(**{part: away}), wait_seconds=0.3)
        without = names(found)
    finally:
        hang.set()
    gone = whole - without
    expected = {
        "yard": {name for name in whole if name.startswith(("switchyard_queue_", "switchyard_delayed"))}
        - {*OWN, *WAITED},
        "alarms": {"switchyard_broker_alarm"},
        "topology": {"switchyard_broker_info", "switchyard_topology_drift"},
        "database": {
            name for name in whole - {"switchyard_database_up"} if name.startswith("switchyard_database")
        },
        "waits": WAITED,
        "dead": {"switchyard_deadletters_oldest_seconds"},
        "beat": {name for name in whole if name.startswith("switchyard_beat")},
        "certificates": {"switchyard_certificate_remaining_seconds"},
    }
    assert gone == expected[part]
    assert f"switchyard_{lost}" in whole


def test_the_number_of_series_is_bounded_by_the_number_of_queues() -> None:
    series = [sample for metric in registered(reads()).collect() for sample in metric.samples]
    assert len(series) <= 20 * len(QUEUES) + 25


def test_a_canary_is_absent_while_nobody_can_say_and_as_old_as_we_are_before_the_first() -> None:
    unknown = registered(reads(waits=dict))
    assert value(unknown, "queue_oldest_wait_seconds", queue="io") is None
    assert 0 <= value(unknown, "queue_canary_age_seconds", queue="io") < 60


def test_a_topology_is_compared_once_a_minute_however_often_it_is_asked() -> None:
    asked: list[int] = []
    found = registered(reads(topology=lambda: asked.append(1) or Topology("4.3.6", 2)))
    for _ in range(5):
        assert value(found, "topology_drift") == 2
    assert len(asked) == 1
