"""Where the values of the chart go in each resource: what Kustomize's own fields and patches are for."""

import json
from collections.abc import Iterable
from typing import Any

from deploy.chart.marks import block, inline

Document = dict[str, Any]
#: Helm runs these before all else, and after a failure leaves them to be looked at.
BEFORE = {"helm.sh/hook": "pre-install,pre-upgrade"}
JOB = BEFORE | {
    "helm.sh/hook-weight": "0",
    "helm.sh/hook-delete-policy": "before-hook-creation",
    "helm.sh/hook-output-log-policy": "hook-failed",
}
#: What the Job needs: there before it, and gone when it has succeeded.
FOR_JOB = BEFORE | {
    "helm.sh/hook-weight": "-5",
    "helm.sh/hook-delete-policy": "before-hook-creation,hook-succeeded",
}
CLUSTER_WIDE = {"PriorityClass"}
FOUND_BY_LABELS = {"PodMonitor", "PrometheusRule"}


def fill(document: Document, reserved: Iterable[str]) -> Document:
    """Puts the marks of all values into it. ``reserved``: what its container's environment has already."""
    metadata = document["metadata"]
    if document["kind"] not in CLUSTER_WIDE:
        metadata["namespace"] = inline("{{ .Release.Namespace }}")
    _labels(document["kind"], metadata)
    if "template" in document.get("spec", {}):
        _workload(document, reserved)
    if metadata.get("labels", {}).get("app.kubernetes.io/component") == "release":
        metadata["annotations"] = dict(JOB if document["kind"] == "Job" else FOR_JOB)
    _secrets(document)
    KINDS.get(document["kind"], _nothing)(document)
    return document


def _labels(kind: str, metadata: Document) -> None:
    found = "monitorLabels" if kind in FOUND_BY_LABELS else "labels"
    if "labels" in metadata:
        metadata["labels"][block(f'include "switchyard.{found}" .')] = None
    else:
        metadata[block(f'include "switchyard.{found}Alone" .')] = None


def _workload(document: Document, reserved: Iterable[str]) -> None:
    role, spec = document["metadata"]["name"], document["spec"]
    of_role = f'(list . "{role}")'
    if "replicas" in spec:
        spec["replicas"] = inline(f'{{{{ dig "{role}" "replicas" {spec["replicas"]} .Values.roles }}}}')
    metadata, pod = spec["template"]["metadata"], spec["template"]["spec"]
    metadata["labels"][block(f'include "switchyard.podLabels" {of_role}')] = None
    metadata[block(f'include "switchyard.podAnnotations" {of_role}')] = None
    pod[block(f'include "switchyard.scheduling" {of_role}')] = None
    pod["volumes"].append(block(f'include "switchyard.volumes" {of_role}'))
    if "priorityClassName" in pod:
        pod["priorityClassName"] = inline("{{ .Values.priorityClassName | quote }}")
    _container(pod["containers"][0], role, reserved)


def _container(container: Document, role: str, reserved: Iterable[str]) -> None:
    of_role = f'(list . "{role}")'
    names = " ".join(f'"{name}"' for name in reserved)
    taken = json.dumps(container["resources"])
    settings = '{{ include "switchyard.settingsName" . }}'
    container["image"] = inline('{{ include "switchyard.image" . }}')
    container["env"].append(block(f'include "switchyard.env" (list . "{role}" (list {names}))'))
    container["envFrom"][0] = {
        "configMapRef": {"name": inline("settings-release" if role == "release" else settings)}
    }
    container["envFrom"].append(block(f'include "switchyard.envFrom" {of_role}'))
    container["volumeMounts"].append(block(f'include "switchyard.volumeMounts" {of_role}'))
    container["resources"] = {block(f'include "switchyard.resources" (list . "{role}" `{taken}`)'): None}


def _secrets(node: Any) -> None:
    """The names of both Secrets, wherever they are referred to."""
    names = {"switchyard": "secretName", "switchyard-broker": "brokerSecretName"}
    if isinstance(node, dict):
        if node.get("secretName") in names:
            node["secretName"] = inline(f"{{{{ .Values.{names[node['secretName']]} | quote }}}}")
        for reference in node.get("secretTargetRef", ()):
            reference["name"] = inline("{{ .Values.brokerSecretName | quote }}")
    for item in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        _secrets(item)


def _http_route(document: Document) -> None:
    document["metadata"][block('include "switchyard.ingressAnnotations" .')] = None
    spec, of_users = document["spec"], document["metadata"]["name"] == "web"
    gateway = "gateway" if of_users else "adminGateway"
    spec["parentRefs"][0] = {
        "name": inline(f"{{{{ .Values.ingress.{gateway} | quote }}}}"),
        block('include "switchyard.gatewayNamespace" .'): None,
    }
    if of_users:
        spec[block('include "switchyard.hostnames" .')] = None


def _ingress(document: Document) -> None:
    document["metadata"][block('include "switchyard.ingressAnnotations" .')] = None
    document["spec"][block('include "switchyard.ingressClass" .')] = None
    document["spec"]["tls"][0]["secretName"] = inline("{{ .Values.ingress.tlsSecret | quote }}")


def _priority_class(document: Document) -> None:
    document["metadata"]["name"] = inline("{{ .Values.priorityClassName | quote }}")


def _nothing(_: Document) -> None:
    """Of most kinds no more is a value."""


KINDS = {"HTTPRoute": _http_route, "Ingress": _ingress, "PriorityClass": _priority_class}
