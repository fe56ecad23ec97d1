"""What an overlay needs that it does not bring: read from what it renders to, told in its README."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from deploy.cluster.kubectl import Kubectl
from deploy.cluster.overlay import Overlay
from deploy.cluster.references import Document, config_maps, made_secrets, secrets

#: API groups that every cluster has.
BUILT_IN = {"apps", "batch", "networking.k8s.io", "policy", "scheduling.k8s.io"}
#: The field that has the storage class of the volumes of a resource of this kind.
STORAGE = {"Cluster": ("storage", "storageClass"), "RabbitmqCluster": ("persistence", "storageClassName")}
#: No name below it is anybody's (RFC 2606): such a value is yet to be replaced.
PLACEHOLDER = ".example"


@dataclass(frozen=True, order=True)
class Need:
    """One line of the table in an overlay's README."""

    kind: str
    name: str
    keys: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind} {self.name}" + (f" ({', '.join(self.keys)})" if self.keys else "")


def rendered(kubectl: Kubectl, overlay: Overlay) -> list[Document]:
    return list(yaml.safe_load_all(kubectl.ask("kustomize", str(overlay.folder))))


def needs(found: list[Document]) -> list[Need]:
    """Each once, with all its keys."""
    made = {("Secret", *pair) for document in found for pair in made_secrets(document)}
    made |= {(kind, name, "") for kind, name, _ in made}
    brought = {("ConfigMap", item["metadata"]["name"]) for item in found if item["kind"] == "ConfigMap"}
    keys: dict[tuple[str, str], set[str]] = defaultdict(set)
    for kind, name, key in {one for document in found for one in _of(document)} - made:
        if (kind, name) not in brought:
            keys[kind, name] |= {key} - {""}
    return sorted(Need(kind, name, tuple(sorted(names))) for (kind, name), names in keys.items())


def told(overlay: Overlay) -> dict[Need, str]:
    """Each need of the table in its README, and how it is met; empty where there is no README."""
    file = overlay.folder / "README.md"
    lines = file.read_text().splitlines() if file.is_file() else []
    rows = [
        [cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("| ")
    ]
    return {
        Need(kind, name.strip("`"), tuple(re.findall(r"`([^`]+)`", keys))): how
        for kind, name, keys, how in rows[1:]
    }


def _of(document: Document) -> Iterator[tuple[str, str, str]]:
    """(kind, name, key) of each thing that it refers to."""
    kind, spec = document["kind"], document.get("spec", {})
    group = document["apiVersion"].rpartition("/")[0]
    if group and group not in BUILT_IN:
        yield "API", document["apiVersion"], kind
    yield from (("Secret", *pair) for pair in secrets(document))
    yield from (("ConfigMap", *pair) for pair in config_maps(document))
    yield from (("StorageClass", name or "(default)", "") for name in _storage(kind, spec))
    yield from (("Namespace", label, "") for label in _namespaces(spec))
    for gateway in spec.get("parentRefs", ()):
        yield "Gateway", "/".join([gateway[key] for key in ("namespace", "name") if key in gateway]), ""
    if kind == "ExternalSecret":
        for item in spec["data"]:
            yield (
                spec["secretStoreRef"]["kind"],
                spec["secretStoreRef"]["name"],
                item["remoteRef"]["property"],
            )
    if kind == "ConfigMap" and document["metadata"]["name"].startswith("settings-"):
        yield from (("Setting", key, "") for key, value in document["data"].items() if PLACEHOLDER in value)


def _storage(kind: str, spec: Document) -> Iterator[str]:
    for claim in spec.get("volumeClaimTemplates", ()):
        yield claim["spec"].get("storageClassName", "")
    if kind in STORAGE:
        section, field = STORAGE[kind]
        yield spec[section].get(field, "")


def _namespaces(spec: Document) -> Iterator[str]:
    """The labels by which its rules select namespaces."""
    for rule in [*spec.get("ingress", ()), *spec.get("egress", ())]:
        for peer in [*rule.get("from", ()), *rule.get("to", ())]:
            selector = peer.get("namespaceSelector", {})
            yield from (f"{label}={value}" for label, value in selector.get("matchLabels", {}).items())
            for item in selector.get("matchExpressions", ()):
                yield from (f"{item['key']}={value}" for value in item["values"])
