"""Asks a cluster for what an overlay needs, before anything is applied to it."""

from collections.abc import Callable

from deploy.cluster.kubectl import Kubectl
from deploy.cluster.needs import Need, needs, told
from deploy.cluster.overlay import Overlay
from deploy.cluster.references import Document
from deploy.local.errors import LocalError

KEYS = "--output=go-template={{range $key, $value := .data}}{{$key}} {{end}}"
DEFAULT = "--output=jsonpath={.items[*].metadata.annotations.storageclass\\.kubernetes\\.io/is-default-class}"
#: Of a custom resource; its API is a need of its own.
RESOURCES = {
    "ClusterSecretStore": "clustersecretstores.external-secrets.io",
    "Gateway": "gateways.gateway.networking.k8s.io",
    "SecretStore": "secretstores.external-secrets.io",
}


def check_needs(kubectl: Kubectl, overlay: Overlay, found: list[Document]) -> None:
    """Raises LocalError with every need of ``found`` that is not met, and what the README says of it."""
    hows = {(need.kind, need.name): how for need, how in told(overlay).items()}
    lines = [
        f"- {need}: {hows.get((need.kind, need.name), 'its README does not say how it comes there')}"
        for need in needs(found)
        if not CHECKS[need.kind](kubectl, need)
    ]
    if lines:
        lacks = f"{kubectl.context} lacks what {overlay.name} needs, so nothing was applied:"
        raise LocalError("\n".join([lacks, *lines]))


def _keys(kubectl: Kubectl, need: Need) -> bool:
    """Only the names of the keys leave the cluster."""
    found = _ask(kubectl, "get", need.kind.lower(), need.name, "--ignore-not-found", KEYS)
    return bool(found) and {*need.keys} <= {*str(found).split()}


def _api(kubectl: Kubectl, need: Need) -> bool:
    found = _ask(kubectl, "get", "--raw", f"/apis/{need.name}") or ""
    return all(f'"kind":"{kind}"' in found for kind in need.keys)


def _namespace(kubectl: Kubectl, need: Need) -> bool:
    return bool(_ask(kubectl, "get", "namespaces", f"--selector={need.name}", "--output=name"))


def _storage_class(kubectl: Kubectl, need: Need) -> bool:
    if need.name == "(default)":
        return "true" in (_ask(kubectl, "get", "storageclasses", DEFAULT) or "")
    return bool(_ask(kubectl, "get", "storageclass", need.name, "--ignore-not-found", "--output=name"))


def _resource(kubectl: Kubectl, need: Need) -> bool:
    namespace, _, name = need.name.rpartition("/")
    elsewhere = [f"--namespace={namespace}"] if namespace else []
    asked = ("get", RESOURCES[need.kind], name, *elsewhere, "--ignore-not-found", "--output=name")
    return bool(_ask(kubectl, *asked))


def _never(_: Kubectl, __: Need) -> bool:
    """A value that is still the example's."""
    return False


CHECKS: dict[str, Callable[[Kubectl, Need], bool]] = {
    "API": _api,
    **dict.fromkeys(RESOURCES, _resource),
    "ConfigMap": _keys,
    "Namespace": _namespace,
    "Secret": _keys,
    "Setting": _never,
    "StorageClass": _storage_class,
}


def _ask(kubectl: Kubectl, *arguments: str) -> str | None:
    """None where the cluster does not know such a kind of thing. Raises LocalError for any other failure."""
    try:
        return kubectl.ask(*arguments)
    except LocalError as error:
        if "(NotFound)" in str(error) or "doesn't have a resource type" in str(error):
            return None
        raise
