"""What is done to pods, servers and nodes under load loses nothing, and does nothing twice."""

import json
from datetime import datetime
from typing import Any

import httpx
import pytest

from tests.node.cluster import Nodes
from tests.node.disruption import Row, disruption
from tests.node.record import ROWS
from tests.node.service import Service
from tests.polling import eventually

ROLES = ("web", "relay", "worker-io", "worker-cpu", "beat", "exporter")
LOSABLE = "node-2"
#: More than any limit of memory here.
BOMB_MEGABYTES = 2_000


@pytest.fixture(scope="module")
def service(cluster: Nodes) -> Service:
    if not cluster.get("secrets"):
        done = cluster.run("make", "secrets", "OVERLAY=local")
        assert done.returncode == 0, done.stderr
    found = Service(cluster)
    found.bring("old")
    found.open_books()
    return found


@pytest.fixture
def rows(request: pytest.FixtureRequest) -> list[Row]:
    return request.config.stash[ROWS]


def assert_nothing_shows(row: Row) -> None:
    """Not to who sent a request, nor to any task."""
    assert (row.lost, row.effects_twice, row.refused, row.letters, row.late_probes) == (0, 0, {}, 0, 0), row


def assert_nothing_is_lost(row: Row) -> None:
    """Though requests may have been refused, and were told when to come again."""
    assert (row.lost, row.effects_twice, row.letters, row.late_probes) == (0, 0, 0, 0), row
    assert set(row.refused) <= {"status 503"}, row


def delete(service: Service, *what: str) -> None:
    done = service.cluster.kubectl("delete", "--wait=false", *what)
    assert done.returncode == 0, done


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


def test_a_secret_key_is_exchanged_as_the_page_of_secrets_says(service: Service, rows: list[Row]) -> None:
    with disruption(service, rows, "SECRET_KEY exchanged, in three steps") as row:
        for key, fallbacks in (("old-" * 16, "new-" * 16), ("new-" * 16, "old-" * 16), ("new-" * 16, "")):
            data = {"stringData": {"secret-key": key, "secret-key-fallbacks": fallbacks}}
            service.cluster.say("patch", "secret", "switchyard", "--patch", json.dumps(data))
            service.cluster.say("rollout", "restart", "deployment/web")
            service.until_whole()
    assert_nothing_shows(row)


def replace(service: Service, name: str) -> None:
    """Until another pod of the name is ready."""
    (before,) = service.cluster.get(f"pod/{name}")
    delete(service, "pod", name)
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


@pytest.mark.parametrize(("queue", "who"), [("cpu", "child"), ("io", "worker")])
def test_a_task_that_eats_all_memory_is_dead_lettered_and_nothing_is_lost(
    service: Service, rows: list[Row], queue: str, who: str
) -> None:
    """What runs beside it in a worker of threads is killed as often as it is, and may end where it ends."""
    with disruption(service, rows, f"a {who} killed by its limit of memory, again and again") as row:
        row.bombs = 1
        promise(service, f"bomb-{queue}", f"ledger.{queue}_bomb", megabytes=BOMB_MEGABYTES)
        eventually(lambda: service.letters() > row.letters_before, within=900, what="a dead letter")
    assert (row.lost, row.effects_twice, row.refused) == (0, 0, {}), row
    assert row.letters >= 1


def promise(service: Service, key: str, task: str, **kwargs: object) -> None:
    body = {"key": key, "task": task, "kwargs": kwargs}
    headers = {"Host": "localhost"}
    answer = httpx.post(f"{service.url}/promise", json=body, headers=headers, timeout=30, trust_env=False)
    assert answer.status_code == 202, answer.text


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


@pytest.mark.parametrize("how", ["", "--force"])
@pytest.mark.parametrize("role", ROLES)
def test_a_pod_is_deleted(service: Service, rows: list[Row], role: str, how: str) -> None:
    (pod, *_) = service.pods(role)
    force = [how, "--grace-period=0"] if how else []
    with disruption(service, rows, f"a pod of {role} deleted{', by force' if how else ''}") as row:
        delete(service, "pod", pod["metadata"]["name"], *force)
    # A pod that is gone at once cannot end its requests.
    (assert_nothing_is_lost if how and role == "web" else assert_nothing_shows)(row)
