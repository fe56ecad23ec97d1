"""A node that runs nothing: what a kubelet tells the API server of its pods, and nothing behind it.

There is no container engine here. A pod is ready as soon as it is seen, a Job's ends, and a volume is there
when it is claimed; that what they run works is for other tests to say.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from deploy.local.ports import LOOPBACK
from tests.cluster.cluster import Cluster
from tests.cluster.plane import Plane
from tests.cluster.streams import Streams, streams

NAME = "node"
POLL_SECONDS = 0.2
#: What somebody else did to the object meanwhile: the next look shows it.
OVERTAKEN = {404, 409}


class Node:
    """Its pods' life, for as long as `run` runs."""

    def __init__(self, client: httpx.Client, said: Streams) -> None:
        self.client = client
        self.said = said
        #: What a Job's pod ends with.
        self.exit_code = 0
        self.failure: Exception | None = None
        self._over = threading.Event()

    def register(self, port: int) -> None:
        self.client.post("/api/v1/nodes", json=node(port)).raise_for_status()

    def run(self) -> None:
        while not self._over.wait(POLL_SECONDS):
            try:
                self.look()
            except (httpx.HTTPError, LookupError) as error:
                self.failure = error
                return

    def end(self) -> None:
        self._over.set()

    def look(self) -> None:
        """One step in the life of each pod that is bound to it, and of each claim of a volume."""
        for pod in self.items("/api/v1/pods", fieldSelector=f"spec.nodeName={NAME}"):
            self.step(pod)
        for claim in self.items("/api/v1/persistentvolumeclaims"):
            if claim["status"]["phase"] == "Pending":
                self.change("POST", "/api/v1/persistentvolumes", volume(claim))

    def step(self, pod: dict[str, Any]) -> None:
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        path = f"/api/v1/namespaces/{namespace}/pods/{name}"
        once = pod["spec"]["restartPolicy"] == "Never"
        if "deletionTimestamp" in pod["metadata"]:
            self.change("DELETE", path, {"gracePeriodSeconds": 0})
        elif pod["status"]["phase"] == "Pending":
            self.change("PATCH", f"{path}/status", {"status": running(pod)})
        elif pod["status"]["phase"] == "Running" and once:
            self.change("PATCH", f"{path}/status", {"status": ended(pod, self.exit_code)})

    def items(self, path: str, **parameters: str) -> list[dict[str, Any]]:
        answer = self.client.get(path, params=parameters).raise_for_status()
        return list(answer.json()["items"])

    def change(self, method: str, path: str, body: dict[str, Any]) -> None:
        kind = "application/strategic-merge-patch+json" if method == "PATCH" else "application/json"
        answer = self.client.request(method, path, json=body, headers={"Content-Type": kind})
        if answer.status_code not in OVERTAKEN:
            answer.raise_for_status()


@dataclass(frozen=True)
class Pretending(Cluster):
    """One whose only node is this one."""

    node: Node


@contextmanager
def registered(plane: Plane) -> Iterator[Node]:
    """A node of the cluster until the end of the block. Raises what ended its life early."""
    with plane.client() as client, streams(plane) as said:
        it = Node(client, said)
        it.register(said.port)
        thread = threading.Thread(target=it.run, name="node", daemon=True)
        thread.start()
        yield it
        it.end()
        thread.join()
    if it.failure is not None:
        raise it.failure


def node(port: int) -> dict[str, Any]:
    """Ready, with room for everything, and reached for logs and commands at ``port``."""
    room = {"cpu": "64", "memory": "256Gi", "ephemeral-storage": "1Ti", "pods": "500"}
    return {
        "metadata": {"name": NAME, "labels": {"kubernetes.io/hostname": NAME, "kubernetes.io/os": "linux"}},
        "status": {
            "capacity": room,
            "allocatable": room,
            "conditions": [condition("Ready")],
            "addresses": [{"type": "InternalIP", "address": LOOPBACK}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
            "declaredFeatures": ["ExtendWebSocketsToKubelet"],
        },
    }


def volume(claim: dict[str, Any]) -> dict[str, Any]:
    meta, spec = claim["metadata"], claim["spec"]
    return {
        "metadata": {"name": f"for-{meta['uid']}"},
        "spec": {
            "capacity": spec["resources"]["requests"],
            "accessModes": spec["accessModes"],
            "hostPath": {"path": "/none"},
            "storageClassName": spec.get("storageClassName", ""),
            "claimRef": {"namespace": meta["namespace"], "name": meta["name"], "uid": meta["uid"]},
        },
    }


def running(pod: dict[str, Any]) -> dict[str, Any]:
    types = ("Initialized", "ContainersReady", "Ready")
    return {
        "phase": "Running",
        "startTime": now(),
        "podIPs": [{"ip": "10.1.0.1"}],
        "podIP": "10.1.0.1",
        "conditions": [condition(name) for name in types],
        "containerStatuses": [
            state(container, {"running": {"startedAt": now()}}, ready=True)
            for container in pod["spec"]["containers"]
        ],
    }


def ended(pod: dict[str, Any], code: int) -> dict[str, Any]:
    terminated = {"exitCode": code, "reason": "Error" if code else "Completed", "finishedAt": now()}
    return {
        "phase": "Failed" if code else "Succeeded",
        "conditions": [condition("Ready", "False"), condition("ContainersReady", "False")],
        "containerStatuses": [
            state(container, {"terminated": terminated}, ready=False)
            for container in pod["spec"]["containers"]
        ],
    }


def state(container: dict[str, Any], now_in: dict[str, Any], *, ready: bool) -> dict[str, Any]:
    return {
        "name": container["name"],
        "image": container["image"],
        "imageID": container["image"],
        "ready": ready,
        "started": ready,
        "restartCount": 0,
        "state": now_in,
    }


def condition(kind: str, status: str = "True") -> dict[str, str]:
    return {"type": kind, "status": status, "lastTransitionTime": now(), "reason": "Node"}


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
