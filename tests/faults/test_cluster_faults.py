"""A broker of three nodes, of which each in turn is stopped, cut off and frozen: F6, F7."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from kombu import pools

from app.celery import app
from deploy.local.postgres import Postgres
from tests.faults.ledger.models import Effect
from tests.faults.services import Services, all_done, forget_connections, promise, steady
from tests.live.broker import Vhost
from tests.live.processes import Processes, eventually
from tests.three import Three, started


@pytest.fixture(scope="module")
def three(home: Path, given_environment: None) -> Iterator[Three]:
    with started(home / "three") as cluster:
        yield cluster


@pytest.fixture
def on_three(three: Three, postgres: Postgres, tmp_path: Path, settings, environment) -> Iterator[Services]:
    """The services in the default vhost of the cluster, which they know by all three addresses."""
    settings.CELERY_BROKER_URL = three.url
    settings.SWITCHYARD_BROKER_MANAGEMENT_URL = three.management_url
    forget_connections(app)
    addresses = {"BROKER_URL": three.url, "BROKER_MANAGEMENT_URL": three.management_url}
    faults = {"DJANGO_SETTINGS_MODULE": "tests.faults.settings"}
    processes = Processes(environment | addresses | faults, tmp_path)
    call_command("switchyard", "topology", "apply", verbosity=0)
    vhost = Vhost("/", three.url.partition(";")[0], three.management_url)
    yield Services(processes, vhost, None, postgres)  # type: ignore[arg-type]
    processes.end()
    # The pools are kombu's, by address: one that was closed would be found again by the next test.
    pools.reset()
    forget_connections(app)


def test_f6_a_rolling_restart_of_three_nodes_stalls_nobody_for_long(
    on_three: Services, three: Three, tally
) -> None:
    """Each node is stopped in order and started again, under 50 promises a second."""
    on_three.start_relay()
    on_three.start("worker io")
    all_done(promise("ledger.io_work", ["first"]))
    stalls = []
    with steady("ledger.io_work", "rolling", 50) as promised:
        for node in reversed(three.nodes):
            with on_three.fault("node stopped"):
                node.ctl("stop_app")
                stalls.append(_stall())
                node.ctl("start_app")
                three.await_ready(node)
            stalls.append(_stall())
    all_done(promised)
    found = on_three.verdict()
    tally(
        "F6",
        f"ours, {three.version}",
        stops=3,
        tasks=len(promised),
        lost=len(found.lost),
        longest_stall_s=round(max(stalls), 1),
        repeated_effects=len(found.repeated_effects),
    )
    assert found.good, found
    assert max(stalls) <= 30


@pytest.mark.parametrize("shape", ["cut_off", "frozen"])
def test_f7_a_node_that_is_lost_to_the_others_costs_nothing(
    on_three: Services, three: Three, tally, shape: str
) -> None:
    """Two of the three nodes in turn, for 12 s each: longer than a tick time. Queues are empty in the end.

    The matrix has four shapes of ten and thirty seconds; of three nodes only a majority and one can be made.
    """
    on_three.start_relay()
    on_three.start("worker io")
    all_done(promise("ledger.io_work", ["first"]))
    with steady("ledger.io_work", shape, 50) as promised:
        for node in three.nodes[:2]:
            with on_three.fault(shape), getattr(three, shape)(node):
                began = time.monotonic()
                eventually(lambda began=began: time.monotonic() > began + 12)
            three.await_ready(node)
            _stall()
    all_done(promised)
    eventually(lambda: on_three.waiting("io") == 0)
    found = on_three.verdict()
    tally(
        "F7",
        f"ours, {shape.replace('_', ' ')}",
        nodes=2,
        tasks=len(promised),
        lost=len(found.lost),
        residual=on_three.waiting("io"),
        repeated_effects=len(found.repeated_effects),
        repeated_runs=len(found.repeated_runs),
    )
    assert found.good, found


def _stall() -> float:
    """Seconds until the next effect."""
    began, done = time.monotonic(), Effect.objects.count()
    eventually(lambda: Effect.objects.count() > done, what="anything to be done")
    return time.monotonic() - began
