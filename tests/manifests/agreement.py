"""Where the manifests must say what the code says: each function gives the sentences of what does not."""

import re
from collections.abc import Iterator
from itertools import chain
from typing import Any

from app import settings
from app.environment import VARIABLES
from deploy.cluster.engine import ROOT
from deploy.cluster.references import made_secrets, secrets
from switchyard.routing import QUEUES
from tests.manifests.queue_manifests import SCALERS, rights, scalers, served, sizes
from tests.manifests.rendered import Document, container, labels, of_kind, ours, pod

#: The setting that is the number of each named port.
PORTS = {
    ("web", "http"): "PORT",
    ("exporter", "metrics"): "EXPORTER_PORT",
    ("relay", "metrics"): "RELAY_PORT",
    ("worker", "metrics"): "WORKER_METRICS_PORT",
    ("web", "metrics"): "WEB_METRICS_PORT",
}
#: Read by the manifests themselves (QUEUE) or by OpenSSL, not by the settings.
FOREIGN = {"QUEUE", "SSL_CERT_FILE"}
#: Settings that a manifest leaves at their default, and why.
LEFT = {
    "BROKER_READ_URL": "the image has the C client by its build argument alone",
    "BIND_ADDRESS": "a pod is reached on every address of its own",
    "DATABASE_POOL_SIZE": "its default is for the roles on threads",
    "DISABLE_SERVER_SIDE_CURSORS": "the overlays have no pooler between the service and its database",
    "DEBUG": "never in a cluster",
    "ENVIRONMENT_COLOUR": "its default goes by the environment's name",
    "EXPORTER_PORT": "a pod has its ports to itself",
    "NO_COLOR": "a pod writes to no terminal",
    "PORT": "a pod has its ports to itself",
    "RELAY_PORT": "a pod has its ports to itself",
    "REPORTS_AT_ONCE": "what one user may ask for does not grow with the cluster",
    "STATIC_ROOT": "the image's",
    "WEBHOOKS_ALLOW_PRIVATE": "never in a cluster",
    "WEB_ASGI": "for a service with async views, which the example has none of",
    "WEB_METRICS_PORT": "a pod has its ports to itself",
    "WORKER_METRICS_PORT": "a pod has its ports to itself",
}


def everything(found: list[Document], documented: dict[str, set[str]]) -> Iterator[str]:
    """Of one overlay, whatever its components are."""
    yield from served(found)
    yield from sizes(found)
    yield from rights(found)
    yield from ports(found)
    yield from variables(found)
    yield from secret_keys(found, documented)
    yield from broker_users(found)
    kinds = {item["kind"] for item in found}
    yield from chain.from_iterable(scalers(found, kind) for kind in SCALERS if kind in kinds)
    if kinds & {"Cluster", "StatefulSet"}:
        yield from connections(found)


def connections(found: list[Document]) -> Iterator[str]:
    """Every role at its largest, and again as many for a rollout, leave room for a person."""
    allowed, file = database_limit(found)
    most = {
        name: 2 * replicas(found, name, item) * connections_of(item, found)
        for name, item in ours(found).items()
    }
    if (total := sum(most.values())) + 10 > allowed:
        yield (
            f"{total} connections at most ({most}), and 10 to spare: max_connections is {allowed}. "
            f"Put {total + 10} there in {file}, or fewer replicas into the files of the autoscaler."
        )


def replicas(found: list[Document], name: str, workload: Document) -> int:
    for scaler in of_kind(found, "ScaledObject", "HorizontalPodAutoscaler").values():
        if scaler["spec"]["scaleTargetRef"]["name"] == name:
            spec = scaler["spec"]
            return int(spec.get("maxReplicaCount") or spec["maxReplicas"])
    return int(workload["spec"].get("replicas", 1))


def connections_of(workload: Document, found: list[Document]) -> int:
    """Of one pod: a pool for each process on threads, one for each process otherwise."""
    if spec := QUEUES.get(labels(workload).get("queue", "")):
        return settings.SWITCHYARD_POOL_SIZE if spec.pool == "threads" else spec.concurrency + 1
    if labels(workload)["component"] == "web":
        return settings.SWITCHYARD_POOL_SIZE * int(config(found)["WEB_PROCESSES"])
    return 2


def config(found: list[Document]) -> dict[str, str]:
    (one,) = [item for name, item in of_kind(found, "ConfigMap").items() if name.startswith("settings-")]
    return dict(one["data"])


def ports(found: list[Document]) -> Iterator[str]:
    """A named port has the number that its setting has by default."""
    named = {
        (labels(item)["component"], port["name"]): port["containerPort"]
        for item in ours(found).values()
        for port in container(item).get("ports", [])
    }
    expected = {key: getattr(settings, f"SWITCHYARD_{name}") for key, name in PORTS.items()}
    if named != expected:
        yield f"Ports {named}, but app/settings.py has {expected}."


def variables(found: list[Document]) -> Iterator[str]:
    """Every variable is one that settings.py reads, and every setting is given or left with a reason."""
    given = set(config(found)) | {
        item["name"] for workload in ours(found).values() for item in container(workload)["env"]
    }
    given = {name if name in FOREIGN else name.removesuffix("_FILE") for name in given} - FOREIGN
    # Of HEARTBEAT_FILE, which is a setting itself, both sides lose the same.
    read = {variable.name.removesuffix("_FILE") for variable in VARIABLES}
    yield from (f"{name} is given, but app/settings.py does not read it." for name in sorted(given - read))
    left = read - given
    yield from (f"{name} is neither given nor left for a reason." for name in sorted(left - set(LEFT)))
    yield from (f"{name} is left for a reason, and given." for name in sorted(set(LEFT) & given))


def secret_keys(found: list[Document], documented: dict[str, set[str]]) -> Iterator[str]:
    """Every key that a pod mounts or a resource refers to is in the table of deploy/SECRETS.md."""
    for name, key in sorted(used_keys(found)):
        if key not in documented.get(name, ()):
            yield f"The key {key} of the Secret {name} is not in the table of deploy/SECRETS.md."


def documented() -> dict[str, set[str]]:
    """Secret to its keys, of the table in deploy/SECRETS.md."""
    table = (ROOT / "deploy" / "SECRETS.md").read_text()
    rows = [line.split("|") for line in table.splitlines() if line.startswith("| `")]
    found: dict[str, set[str]] = {}
    for _, names, keys, *_ in rows:
        for name in re.findall(r"`([\w.-]+)`", names):
            found.setdefault(name, set()).update(re.findall(r"`([\w.-]+)`", keys))
    return found


def used_keys(found: list[Document]) -> set[tuple[str, str]]:
    """(Secret, key)."""
    return {pair for item in found for pair in secrets(item) | made_secrets(item)}


def broker_users(found: list[Document]) -> Iterator[str]:
    """Each broker user is made with the credentials that a Secret of the overlay has."""
    made = {pair for item in found for pair in made_secrets(item)}
    for name, user in of_kind(found, "User").items():
        missing = {key for _, key in secrets(user) - made}
        if missing:
            yield f"The broker user {name} lacks {sorted(missing)} of its Secret."


def database_limit(found: list[Document]) -> tuple[int, str]:
    """max_connections of the PostgreSQL that is part of it, and where that is written."""
    for item in found:
        if item["kind"] == "Cluster":
            limit = int(item["spec"]["postgresql"]["parameters"]["max_connections"])
            return limit, "k8s/components/postgres/cluster.yaml"
        if item["kind"] == "StatefulSet" and item["metadata"]["name"] == "postgres":
            arguments: list[Any] = pod(item)["containers"][0]["args"]
            limit = int(arguments[-1].removeprefix("max_connections="))
            return limit, "k8s/components/postgres-single/stateful-set.yaml"
    raise AssertionError("No PostgreSQL is part of it.")
