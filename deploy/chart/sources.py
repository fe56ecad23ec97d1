"""What Kustomize makes of the base and of each component, with a mark where a value of the chart stands."""

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from deploy.cluster.engine import ROOT
from deploy.cluster.tools import tool
from deploy.local.commands import output_of
from deploy.local.home import make_folder

Document = dict[str, Any]
#: Kind and name.
Key = tuple[str, str]
Documents = dict[Key, Document]
#: Component to the condition under which the chart has it.
CONDITIONS = {
    "admin-apart": 'and .Values.ingress.adminGateway (eq .Values.ingress.kind "gateway")',
    "autoscaling-hpa": 'eq .Values.autoscaling "hpa"',
    "autoscaling-keda": 'eq .Values.autoscaling "keda"',
    "ingress": 'eq .Values.ingress.kind "gateway"',
    "ingress-controller": 'eq .Values.ingress.kind "ingress"',
    "io-to-cluster": ".Values.network.ioToCluster",
    "mail-relay": ".Values.network.mailRelay",
    "monitoring": ".Values.monitoring.enabled",
    "operations": ".Values.operations",
    "pgbouncer": ".Values.pgbouncer",
    "tls-broker": ".Values.trust",
    "zones": ".Values.zones",
}
#: One that changes what another brings, and so is rendered after it.
AFTER = {"admin-apart": "ingress"}
#: Of them, those that go with one another.
TOGETHER = [name for name in CONDITIONS if name not in {"autoscaling-hpa", "ingress-controller"}]
#: Takes away what others bring.
SECOND, OF_SECOND = "second-installation", ".Values.secondInstallation"
#: Values of k8s/values: what each is rendered as (of a number, a number), and what the chart has instead.
MARKS = {
    "DATABASE_PORT": ("60001", "{{ .Values.network.databasePort }}"),
    "DNS_PORT": ("60002", "{{ .Values.network.dnsPort }}"),
    "DNS_NAMESPACE": ("dns-namespace-of-the-chart", "{{ .Values.network.dnsNamespace | quote }}"),
    "HOST": ("host.of.the.chart", "{{ .Values.ingress.host | quote }}"),
}
FOLDERS = ("database-port", "dns", "host")


def rendered(components: Iterable[str] = ()) -> Documents:
    """The base with the components. Raises LocalError with what Kustomize says."""
    make_folder(ROOT / ".local")
    with tempfile.TemporaryDirectory(dir=ROOT / ".local") as scratch:
        (Path(scratch) / "kustomization.yaml").write_text(yaml.safe_dump(_kustomization(components)))
        written = output_of([tool("kubectl"), "kustomize", scratch])
    return {_key(item): item for item in yaml.safe_load_all(written) if item["kind"] != "Namespace"}


def _kustomization(components: Iterable[str]) -> Document:
    return {
        "resources": ["../../k8s/base"],
        "components": [f"../../k8s/components/{name}" for name in components],
        "configMapGenerator": [
            {
                "name": "values",
                "literals": [f"{name}={mark}" for name, (mark, _) in MARKS.items()],
                "options": {"annotations": {"config.kubernetes.io/local-config": "true"}},
            }
        ],
        "transformers": [f"../../k8s/values/{name}" for name in FOLDERS],
    }


def _key(document: Document) -> Key:
    """Whatever the settings are, they are one thing."""
    name = document["metadata"]["name"]
    return document["kind"], "settings" if name.startswith("settings-") else name
