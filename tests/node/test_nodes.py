"""A node that is drained, lost or has a clock of its own loses nothing."""

import time
from typing import Any

from tests.node.disruption import Row, assert_nothing_shows, disruption
from tests.node.looking import eventually
from tests.node.service import ROLES, Service

LOSABLE = "node-2"
AHEAD_SECONDS = 300


def test_a_node_is_drained(service: Service, rows: list[Row]) -> None:
    with disruption(service, rows, f"{LOSABLE} drained") as row:
        done = service.cluster.kubectl("drain", LOSABLE, "--delete-emptydir-data", "--timeout=900s")
        assert done.returncode == 0, done
        service.until_whole()
    service.cluster.say("uncordon", LOSABLE)
    spread(service)
    assert_nothing_shows(row)


def spread(service: Service) -> None:
    """On both nodes again, so that the next has something to disrupt."""
    service.cluster.say("rollout", "restart", "deployment")
    service.until_whole()
    assert LOSABLE in {pod["spec"]["nodeName"] for pod in service.pods("web")}


def test_a_node_is_lost(service: Service, rows: list[Row]) -> None:
    """Requests that it had are lost with it, and those that are sent there until it is known to be gone."""
    with disruption(service, rows, f"{LOSABLE} lost with all that ran on it, and back") as row:
        service.cluster.nodes[LOSABLE].lose()
        eventually(lambda: on(service, LOSABLE) == set(), within=300, what="pods elsewhere")
        service.cluster.roll_out()
        service.cluster.join(LOSABLE)
    assert (row.lost, row.effects_twice, row.letters) == (0, 0, 0), row


def on(service: Service, node: str) -> set[str]:
    """Deployments' pods there that nobody has told to end."""
    pods = [pod for role in ROLES for pod in service.pods(role)]
    return {pod["metadata"]["name"] for pod in pods if pod["spec"].get("nodeName") == node}


def test_the_clock_of_a_node_is_ahead(service: Service, rows: list[Row]) -> None:
    """As the service sees it: whatever starts on the node from now on, until it does so no more."""
    node = service.cluster.nodes[LOSABLE]
    with disruption(service, rows, f"the clock of {LOSABLE} {AHEAD_SECONDS} s ahead, and right again") as row:
        try:
            node.set_clock(AHEAD_SECONDS)
            spread(service)
            assert {ahead(service, pod) for role in ROLES for pod in service.pods(role)} == {0, AHEAD_SECONDS}
        finally:
            node.set_clock(0)
            spread(service)
    assert_nothing_shows(row)


def ahead(service: Service, pod: dict[str, Any]) -> int:
    """Seconds, of those that a clock here can be."""
    said = service.execute(
        f"pod/{pod['metadata']['name']}", "python", "-c", "import time; print(time.time())"
    )
    return AHEAD_SECONDS if float(said) - time.time() > AHEAD_SECONDS / 2 else 0
