"""A node that is drained or lost loses nothing.

Not tried: one whose clock is ahead. No namespace has a wall clock of its own, and under libfaketime (0.9.10)
Python's own ``time.sleep`` ends with EINVAL, since it waits for a moment of the monotonic clock.
"""

from tests.node.disruption import Row, assert_nothing_shows, disruption
from tests.node.looking import eventually
from tests.node.service import ROLES, Service

LOSABLE = "node-2"


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
