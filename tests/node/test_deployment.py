"""`local` comes up by the commands of its README alone, and does what it is for."""

import json
import time
from typing import Any

import httpx
import pytest

from deploy.local.ports import LOOPBACK
from tests.node.cluster import ADDRESSES, Nodes
from tests.node.disruption import Row
from tests.node.forward import forwarded
from tests.node.looking import eventually
from tests.node.record import ROWS


def test_both_nodes_are_ready_and_run_the_name_service(cluster: Nodes) -> None:
    pods = cluster.get("pods", "--namespace=kube-system")
    assert {pod["spec"]["nodeName"] for pod in pods} == {address.name for address in ADDRESSES}


@pytest.fixture(scope="module")
def local(cluster: Nodes, request: pytest.FixtureRequest) -> None:
    """With how long it took in the result."""
    made(cluster, "secrets")
    began = time.monotonic()
    made(cluster, "deploy", "ARGS=--yes")
    row = Row("`make deploy` of `local`, for the first time", seconds=time.monotonic() - began)
    request.config.stash[ROWS].append(row)


def made(cluster: Nodes, verb: str, *more: str) -> None:
    done = cluster.run("make", verb, "OVERLAY=local", *more)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_pod_is_ready(cluster: Nodes, local: None) -> None:
    # The release's pods are over, and what they waited for in vain is in the Job's own tries.
    pods = cluster.get("pods", "--selector=!job-name")
    assert {pod["metadata"]["name"]: ready(pod) for pod in pods if not ready(pod)} == {}
    assert restarts(pods) == {}


def ready(pod: dict[str, Any]) -> bool:
    conditions = {one["type"]: one["status"] for one in pod["status"].get("conditions", ())}
    return conditions.get("Ready") == "True"


def restarts(pods: list[dict[str, Any]]) -> dict[str, int]:
    found = {pod["metadata"]["name"]: pod["status"].get("containerStatuses", ()) for pod in pods}
    counted = {name: sum(one["restartCount"] for one in each) for name, each in found.items()}
    return {name: count for name, count in counted.items() if count}


def test_a_sign_up_leads_to_a_mail(cluster: Nodes, local: None) -> None:
    account = {"email": "somebody@example.com", "name": "Somebody"}
    with forwarded(cluster, "service/web", 80) as web, forwarded(cluster, "service/mail", 8025) as mail:
        answer = httpx.post(f"http://localhost:{web}/signup", json=account, timeout=30, trust_env=False)
        assert answer.status_code == 202, answer.text
        (letter,) = eventually(lambda: letters(mail))
    assert [to["Address"] for to in letter["To"]] == [account["email"]]


def letters(port: int) -> list[dict[str, Any]]:
    answer = httpx.get(f"http://{LOOPBACK}:{port}/api/v1/messages", timeout=30, trust_env=False)
    return list(json.loads(answer.raise_for_status().text)["messages"])
