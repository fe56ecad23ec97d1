"""What is done to pods, servers and nodes under load loses nothing, and does nothing twice."""

import json
from datetime import datetime
from typing import Any

import pytest

from tests.node.cluster import Nodes
from tests.node.disruption import Row, assert_nothing_is_lost, assert_nothing_shows, disruption
from tests.node.looking import eventually
from tests.node.service import Service


def test_the_pod_of_rabbitmq_is_replaced(service: Service, rows: list[Row]) -> None:
    """Twice: only the second finds a volume that the kubelet has opened to the group before."""
    for time in ("once", "once more"):
        with disruption(service, rows, f"the pod of RabbitMQ replaced, {time}") as row:
            replace(service, "rabbitmq-0")
        assert_nothing_shows(row)


def test_the_pod_of_postgresql_is_replaced(service: Service, rows: list[Row]) -> None:
    with disruption(service, rows, "the pod of PostgreSQL replaced") as row:
        replace(service, "postgres-0")
        since = ready_at(service.cluster.get("pod/postgres-0")[0])
        service.until_whole()
        row.after_server_seconds = max(0.0, *(ready_at(pod) - since for pod in service.pods("web")))
    assert_nothing_is_lost(row)


def test_every_role_is_restarted(service: Service, rows: list[Row]) -> None:
    with disruption(service, rows, "every role restarted") as row:
        service.cluster.say("rollout", "restart", "deployment")
    assert_nothing_shows(row)


@pytest.mark.parametrize("tag", ["new", "old"])
def test_another_release_is_brought(service: Service, rows: list[Row], tag: str) -> None:
    with disruption(service, rows, f"`make deploy` of the {tag} release") as row:
        service.bring(tag)
    assert_nothing_shows(row)


def test_workers_are_scaled_in_while_their_tasks_run(service: Service, rows: list[Row]) -> None:
    names = ("deployment/worker-io", "deployment/worker-cpu")
    with disruption(service, rows, "workers scaled from two to one and back") as row:
        service.cluster.say("scale", "--replicas=1", *names)
        service.until_whole()
        service.cluster.say("scale", "--replicas=2", *names)
    assert_nothing_shows(row)


def replace(service: Service, name: str) -> None:
    """Until another pod of the name is ready."""
    (before,) = service.cluster.get(f"pod/{name}")
    service.delete("pod", name)
    eventually(lambda: is_another(service.cluster, before), within=300, what=f"another {name} that is ready")


def is_another(cluster: Nodes, before: dict[str, Any]) -> bool:
    found = cluster.get("pods", f"--field-selector=metadata.name={before['metadata']['name']}")
    return bool(
        [pod for pod in found if pod["metadata"]["uid"] != before["metadata"]["uid"] and ready_at(pod)]
    )


def ready_at(pod: dict[str, Any]) -> float:
    """Unix time; 0 while it is not."""
    for condition in pod["status"].get("conditions", ()):
        if condition["type"] == "Ready" and condition["status"] == "True":
            return datetime.fromisoformat(condition["lastTransitionTime"]).timestamp()
    return 0.0


def test_a_network_policy_is_taken_away_and_put_back(service: Service, rows: list[Row]) -> None:
    name = "networkpolicy/allow-app-to-rabbitmq-pods"
    (policy,) = service.cluster.get(name)
    kept = {key: policy[key] for key in ("apiVersion", "kind", "spec")}
    kept["metadata"] = {"name": policy["metadata"]["name"]}
    with disruption(
        service, rows, "the way to RabbitMQ closed by its network policy, and opened again"
    ) as row:
        service.cluster.say("delete", name)
        eventually(lambda: not reaches_broker(service), within=120, what="a closed way")
        service.cluster.say("apply", "--server-side", "--filename=-", given=json.dumps(kept))
        eventually(lambda: reaches_broker(service), within=120, what="an open way")
    assert_nothing_shows(row)


def reaches_broker(service: Service) -> bool:
    look = "import socket; socket.create_connection(('rabbitmq', 5672), timeout=3)"
    return not service.cluster.kubectl("exec", "deployment/relay", "--", "python", "-c", look).returncode
