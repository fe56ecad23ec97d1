"""The cluster of a run: its control plane, its two nodes, a name service and a storage class."""

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.cluster.overlay import OVERLAYS, Overlay
from tests.cluster.cluster import Cluster
from tests.cluster.plane import Setting, control_plane
from tests.node import cgroups, configuration, images, programs, roots
from tests.node.network import OUTSIDE, Address, lead_to_services, make_bridge
from tests.node.node import Node

ADDRESSES = [Address(1), Address(2)]
#: Of which node's disk the volumes are.
STORING = "node-1"
#: Two for each set of servers: those of `local`, those after their disks are lost, and those of `staging`.
VOLUMES = 6
#: Until the pods of a node that is lost are made anew elsewhere; Kubernetes' own 300 s are a long wait.
TOLERATED_SECONDS = 30


@dataclass(frozen=True)
class Nodes(Cluster):
    """As its operator sees it, and with power over its nodes."""

    nodes: dict[str, Node] = field(default_factory=dict)

    def join(self, name: str) -> None:
        """Boots the node, gives it its images, and returns when the control plane calls it ready."""
        node = self.nodes[name]
        node.boot([address for address in ADDRESSES if address != node.address])
        group = f"/{os.environ['NODE_GROUP']}/{name}"
        cgroups.make(group)
        cgroups.weigh(os.environ["NODE_GROUP"])
        configuration.write(node.config, node.address, group, self.known_to(name))
        node.run("containerd")
        node.until("containerd", lambda: node.asks("ctr", "version"))
        load(node)
        node.run("kubelet")
        node.until("kubelet", lambda: self.get("nodes", f"--field-selector=metadata.name={name}"))
        pods = {"podCIDR": node.address.pods, "podCIDRs": [node.address.pods]}
        self.say("patch", "node", name, "--patch", json.dumps({"spec": pods}))
        for program in ("kube-proxy", "kube-router"):
            node.run(program)
        self.say("wait", "--for=condition=Ready", "--timeout=300s", f"node/{name}")

    def known_to(self, node: str) -> configuration.Cluster:
        """What its programs are told: each is a user of its own."""
        users = {
            "kubelet": f"system:node:{node}",
            "kube-proxy": "system:kube-proxy",
            "kube-router": "kube-router",
        }
        tokens = {program: self.plane.tokens[user] for program, user in users.items()}
        return configuration.Cluster(self.plane.url, self.plane.certificate.read_text(), tokens)


def load(node: Node) -> None:
    """Every image, into the node's containerd. What it has already costs nothing."""
    for archive in sorted(node.images.glob("*.tar")):
        node.say("ctr", "--namespace=k8s.io", "images", "import", f"/images/{archive.name}")


@contextmanager
def running(folder: Path) -> Iterator[Nodes]:
    """Until the end of the block."""
    make_bridge()
    with control_plane(programs.kubernetes(), folder / "plane", setting()) as plane:
        cluster = Nodes(plane, nodes={address.name: node(address, folder) for address in ADDRESSES})
        try:
            with ThreadPoolExecutor() as threads:
                list(threads.map(cluster.join, cluster.nodes))
            lead_to_services(ADDRESSES[0])
            furnish(cluster)
            yield cluster
        finally:
            for each in cluster.nodes.values():
                each.lose()


def setting() -> Setting:
    users = {f"system:node:{address.name}": "system:nodes" for address in ADDRESSES}
    taints = ("not-ready", "unreachable")
    return Setting(
        host=OUTSIDE,
        contexts=tuple(Overlay(folder.name).context for folder in sorted(OVERLAYS.iterdir())),
        users=users | {"system:kube-proxy": "", "kube-router": "system:masters"},
        api_server=tuple(f"--default-{taint}-toleration-seconds={TOLERATED_SECONDS}" for taint in taints),
        controller_manager=(),
    )


def node(address: Address, folder: Path) -> Node:
    return Node(
        address,
        folder / address.name,
        lower=roots.root(roots.NODE),
        programs=programs.kubernetes(),
        others=programs.other("kube-router").parent,
        images=images.FOLDER,
    )


def furnish(cluster: Nodes) -> None:
    """The name service, the storage class, and its volumes."""
    here = Path(__file__).parent
    for name in ("name-service.yaml", "storage.yaml"):
        cluster.say("apply", "--server-side", f"--filename={here / name}")
    for number in range(VOLUMES):
        (cluster.nodes[STORING].folder / "var/lib/volumes" / str(number)).mkdir(parents=True)
        cluster.say("apply", "--server-side", "--filename=-", given=json.dumps(volume(number)))
    cluster.say("rollout", "status", "deployment/coredns", "--namespace=kube-system", "--timeout=300s")


def volume(number: int) -> dict[str, Any]:
    there = {"key": "kubernetes.io/hostname", "operator": "In", "values": [STORING]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"{STORING}-{number}"},
        "spec": {
            "capacity": {"storage": "5Gi"},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "standard",
            "local": {"path": f"/var/lib/volumes/{number}"},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [there]}]}},
        },
    }
