"""What a cluster must have before an overlay is deployed, made line by line from the table of its README.

No operator runs here: what one would bring (the Secrets of the store) is put there in its place.
"""

import json
import secrets
from collections.abc import Callable

from deploy.cluster.needs import Need, told
from deploy.cluster.overlay import NAMESPACE, Overlay
from tests.manifests.definitions import definition
from tests.manifests.rendered import Document, documents
from tests.manifests.users import ROLES
from tests.node.cluster import Nodes

#: Where the servers are that are somebody else's.
SERVERS = "servers"


def meet(cluster: Nodes, overlay: Overlay, store: dict[str, str]) -> None:
    """Each need that it tells of. ``store`` is property to value, as the store's entry has them."""
    cluster.say("apply", "--server-side", "--filename=-", given=json.dumps(namespace(NAMESPACE)))
    for need in told(overlay):
        MADE[need.kind](cluster, overlay, need)
    for name, data in brought(overlay, store).items():
        put(cluster, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data})


def put(cluster: Nodes, document: Document) -> None:
    cluster.say("apply", "--server-side", "--filename=-", given=json.dumps(document, default=str))


def namespace(name: str, **labels: str) -> Document:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def api(cluster: Nodes, overlay: Overlay, _: Need) -> None:
    cluster.define(documents(overlay.folder))


def custom(group: str, version: str, spec: Document) -> Callable[[Nodes, Overlay, Need], None]:
    """Makes the resource of the need's name, whose definition must be there first."""

    def make(cluster: Nodes, _: Overlay, need: Need) -> None:
        put(cluster, definition(group, need.kind))
        cluster.establish(definition(group, need.kind)["metadata"]["name"])
        api_version = f"{group}/{version}"
        meta = {"name": need.name}
        put(cluster, {"apiVersion": api_version, "kind": need.kind, "metadata": meta, "spec": spec})

    return make


def bundle(cluster: Nodes, _: Overlay, need: Need) -> None:
    """Of no authority: the servers here speak no TLS."""
    data = dict.fromkeys(need.keys, "")
    put(cluster, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": need.name}, "data": data})


def labelled(cluster: Nodes, _: Overlay, need: Need) -> None:
    key, value = need.name.split("=")
    if key != "kubernetes.io/metadata.name":
        put(cluster, namespace(key.partition("/")[2], **{key: value}))


def nothing(_: Nodes, __: Overlay, ___: Need) -> None:
    """The copy of the overlay has it."""


MADE: dict[str, Callable[[Nodes, Overlay, Need], None]] = {
    "API": api,
    "ClusterSecretStore": custom("external-secrets.io", "v1", {"provider": {"fake": {"data": []}}}),
    "ConfigMap": bundle,
    "Gateway": custom(
        "gateway.networking.k8s.io",
        "v1",
        {"gatewayClassName": "none", "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}]},
    ),
    "Namespace": labelled,
    "Setting": nothing,
}


def brought(overlay: Overlay, store: dict[str, str]) -> dict[str, dict[str, str]]:
    """The Secrets that External Secrets would make of the store's entry: name to key to value."""
    found = [item["spec"] for item in documents(overlay.folder) if item["kind"] == "ExternalSecret"]
    return {
        spec["target"]["name"]: {
            item["secretKey"]: store[item["remoteRef"]["property"]] for item in spec["data"]
        }
        for spec in found
    }


def entry(passwords: dict[str, str], database: str) -> dict[str, str]:
    """Of the store: each role is a broker user of its own. ``passwords`` are by role."""
    host = f"rabbitmq.{SERVERS}.svc"
    urls = {f"broker-{role}": f"pyamqp://{role}:{passwords[role]}@{host}:5672/switchyard" for role in ROLES}
    return urls | {
        "secret-key": secrets.token_urlsafe(50),
        "secret-key-fallbacks": "",
        "email-host-password": "",
        "database-url": f"postgres://switchyard:{database}@postgres.{SERVERS}.svc:5432/switchyard",
    }
