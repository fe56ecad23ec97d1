"""What an operator changes within the first hour: in Kustomize, in the chart, and what becomes of it."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from tests.manifests.rendered import K8S, Document, of_kind, text

ROLES = {"web", "worker-io", "worker-cpu", "beat", "relay", "exporter", "jobs", "release", "toolbox"}
DIGEST = "sha256:" + "5" * 64
POD = "spec.template.spec"


@dataclass(frozen=True)
class Case:
    """``changes``: path to the names of the resources that differ from the base there, or are new or gone."""

    components: tuple[str, ...] = ()
    values: dict[str, str] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)
    chart: Document = field(default_factory=dict)
    changes: dict[str, set[str]] = field(default_factory=dict)


CASES = {
    "nothing": Case(),
    "registry": Case(
        components=("registry",),
        fields={"images": [{"name": "switchyard", "newName": "our.registry/switchyard", "digest": DIGEST}]},
        chart={
            "image": {
                "repository": "our.registry/switchyard",
                "digest": DIGEST,
                "pullSecrets": ["registry"],
            }
        },
        changes={f"{POD}.imagePullSecrets": ROLES, f"{POD}.containers[app].image": ROLES},
    ),
    "other ports and name servers": Case(
        values={"DATABASE_PORT": "6432", "DNS_NAMESPACE": "openshift-dns", "DNS_PORT": "5353"},
        chart={"network": {"databasePort": 6432, "dnsNamespace": "openshift-dns", "dnsPort": 5353}},
        changes={"spec.egress": {"allow-app-to-postgres", "allow-all-to-dns"}},
    ),
    "extra environment": Case(
        components=("extra-environment",),
        chart={
            "envFrom": [{"secretRef": {"name": "environment", "optional": True}}],
            "roles": {
                role: {
                    "envFrom": [
                        {
                            "secretRef": {
                                "name": f"environment-{role.removesuffix('-io').removesuffix('-cpu')}",
                                "optional": True,
                            }
                        }
                    ]
                }
                for role in sorted(ROLES)
            },
        },
        changes={f"{POD}.containers[app].envFrom": ROLES},
    ),
    "zones and nodes of their own": Case(
        components=("zones", "node-pools"),
        chart={
            "zones": True,
            "roles": {
                f"worker-{queue}": {
                    "nodeSelector": {"switchyard/queue": queue},
                    "tolerations": [
                        {
                            "key": "switchyard/queue",
                            "operator": "Equal",
                            "value": queue,
                            "effect": "NoSchedule",
                        }
                    ],
                }
                for queue in ("io", "cpu")
            },
        },
        changes={
            f"{POD}.topologySpreadConstraints": {"web", "relay", "worker-io", "worker-cpu"},
            f"{POD}.nodeSelector": {"worker-io", "worker-cpu"},
            f"{POD}.tolerations": {"worker-io", "worker-cpu"},
        },
    ),
    "a Prometheus that looks for a label": Case(
        components=("monitoring",),
        values={"PROMETHEUS_RELEASE": "kube-prometheus-stack"},
        chart={"monitoring": {"enabled": True, "labels": {"release": "kube-prometheus-stack"}}},
        changes={
            "new": {
                "allow-prometheus-to-metrics",
                "allow-toolbox-to-prometheus",
                *("exporter", "relay", "worker", "web", "switchyard"),
                *(f"dashboard-{name}" for name in ("queues", "tasks", "beat-and-outbox", "broker", "web")),
            }
        },
    ),
    "a second installation": Case(
        components=("monitoring", "second-installation"),
        chart={"monitoring": {"enabled": True}, "secondInstallation": True},
        changes={
            "gone": {"switchyard-singular"},
            "new": {
                "allow-prometheus-to-metrics",
                "allow-toolbox-to-prometheus",
                "exporter",
                "relay",
                "worker",
                "web",
            },
        },
    ),
    "Argo CD": Case(
        components=("autoscaling-hpa", "argo-cd"),
        chart={"autoscaling": "hpa"},
        changes={
            "metadata.annotations": ROLES - {"release"},
            "spec.replicas": {"web", "worker-io", "worker-cpu"},
            "new": {"web", "worker-io", "worker-cpu"},
        },
    ),
    "an Ingress, mail, PgBouncer and operations": Case(
        components=(
            *("ingress-controller", "mail-relay", "pgbouncer", "operations", "tls-broker"),
            "io-to-cluster",
        ),
        values={"HOST": "yard.team.dev"},
        chart={
            "ingress": {"kind": "ingress", "host": "yard.team.dev"},
            "network": {"mailRelay": True, "ioToCluster": True},
            "pgbouncer": True,
            "operations": True,
            "trust": True,
        },
        changes={
            "data.DISABLE_SERVER_SIDE_CURSORS": {"settings"},
            f"{POD}.containers[app].env[BROKER_URL]": {"web"},
            f"{POD}.containers[app].env[BROKER_URL_FILE]": {"web"},
            f"{POD}.containers[app].env[SSL_CERT_FILE]": ROLES,
            f"{POD}.containers[app].volumeMounts[broker]": {"web"},
            f"{POD}.containers[app].volumeMounts[trust]": ROLES,
            f"{POD}.volumes[broker]": {"web"},
            f"{POD}.volumes[trust]": ROLES,
            "new": {
                *("web", "allow-gateway-to-web", "allow-io-to-mail-relay", "allow-io-to-cluster"),
                *("allow-web-to-rabbitmq", "allow-web-to-rabbitmq-pods"),
            },
        },
    ),
    "KEDA and a Gateway": Case(
        components=("autoscaling-keda", "ingress", "admin-apart"),
        chart={
            "autoscaling": "keda",
            "ingress": {"kind": "gateway", "adminGateway": "switchyard-admin"},
        },
        changes={
            "spec.replicas": {"web", "worker-io", "worker-cpu"},
            "new": {"web", "worker-io", "worker-cpu", "rabbitmq", "allow-gateway-to-web", "admin"},
        },
    ),
}
FOLDERS = {
    "DATABASE_PORT": "database-port",
    "DNS_NAMESPACE": "dns",
    "HOST": "host",
    "PROMETHEUS_RELEASE": "prometheus-label",
    "STORAGE_CLASS": "storage-class",
}


@cache
def built(name: str) -> list[Document]:
    """What Kustomize makes of an overlay that says it."""
    return kustomized(CASES[name])


def kustomized(case: Case) -> list[Document]:
    with TemporaryDirectory(dir=K8S.parent / ".local") as scratch:
        (Path(scratch) / "kustomization.yaml").write_text(yaml.safe_dump(_kustomization(case, scratch)))
        return list(yaml.safe_load_all(text(Path(scratch))))


def _kustomization(case: Case, scratch: str) -> Document:
    k8s = os.path.relpath(K8S, scratch)
    values = {
        "name": "values",
        "literals": [f"{name}={value}" for name, value in case.values.items()],
        "options": {"annotations": {"config.kubernetes.io/local-config": "true"}},
    }
    return {
        "namespace": "switchyard",
        "resources": [f"{k8s}/base"],
        "components": [f"{k8s}/components/{name}" for name in case.components],
        "configMapGenerator": [values] if case.values else [],
        "transformers": [f"{k8s}/values/{FOLDERS[name]}" for name in case.values if name in FOLDERS],
        **case.fields,
    }


def changes(before: list[Document], after: list[Document]) -> dict[str, set[str]]:
    """Path to the names of the resources that differ there; ``new`` and ``gone`` name whole ones."""
    found: dict[str, set[str]] = {}
    old, new = plain(before), plain(after)
    for key in old.keys() | new.keys():
        paths = ["gone"] if key not in new else ["new"] if key not in old else differing(old[key], new[key])
        for path in paths:
            found.setdefault(path, set()).add(key[1])
    return found


def differing(before: Any, after: Any, path: str = "") -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in before.keys() | after.keys():
            yield from differing(before.get(key), after.get(key), f"{path}.{key}".strip("."))
    elif named(before) and named(after):
        one, other = ({item["name"]: item for item in items} for items in (before, after))
        for name in one.keys() | other.keys():
            yield from differing(one.get(name), other.get(name), f"{path}[{name}]")
    elif before != after:
        yield path


def named(items: Any, key: str = "name") -> bool:
    return isinstance(items, list) and all(isinstance(item, dict) and key in item for item in items)


def plain(found: Iterable[Document]) -> dict[tuple[str, str], Document]:
    """Kind and name to resource, whatever the hash in the name of the settings."""
    stripped = [_plain(item) for item in found if item["kind"] != "Namespace"]
    return {(item["kind"], item["metadata"]["name"]): item for item in stripped}


def _plain(node: Any) -> Any:
    """Lists by name where they have one, since their order says nothing; without what is null."""
    if isinstance(node, dict):
        return {key: _plain(value) for key, value in node.items() if value is not None}
    if isinstance(node, list):
        items = [_plain(item) for item in node]
        (key,) = [key for key in ("name", "topologyKey", "") if not key or named(items, key)][:1]
        return sorted(items, key=lambda item: str(item[key])) if key else items
    return "settings" if isinstance(node, str) and node.startswith("settings-") else node


def workload(found: list[Document], name: str) -> Document:
    return of_kind(found, "Deployment", "Job")[name]
