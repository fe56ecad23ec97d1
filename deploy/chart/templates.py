"""The templates of the chart: each resource of the base, and those of a component under its condition."""

from collections import defaultdict
from copy import deepcopy

from deploy.chart.marks import marked, unmarked
from deploy.chart.slots import CLUSTER_WIDE, FOR_JOB, fill
from deploy.chart.sources import (
    AFTER,
    CONDITIONS,
    OF_SECOND,
    SECOND,
    TOGETHER,
    Document,
    Documents,
    Key,
    rendered,
)
from deploy.chart.weave import mapping, under

HEAD = "{{- /* Written by `make chart` from k8s/base and k8s/components: change those. */}}"
SETTINGS = ("ConfigMap", "settings")


def written() -> dict[str, str]:
    """File name to text. Raises LocalError with what Kustomize says."""
    base, second = rendered(), rendered([*TOGETHER, SECOND])
    variants = {name: rendered([*([AFTER[name]] if name in AFTER else []), name]) for name in CONDITIONS}
    before = {name: variants[AFTER[name]] if name in AFTER else base for name in CONDITIONS}
    files: dict[str, list[str]] = defaultdict(lambda: [HEAD])
    for key, document in base.items():
        ways = {
            CONDITIONS[name]: found
            for name in variants
            if (found := variants[name].get(key, document)) != document
        }
        files[_file(document)] += _template(key, document, ways, second)
    for name, condition in CONDITIONS.items():
        alone = {} if name in TOGETHER else variants[name]
        later = [other for other, first in AFTER.items() if first == name]
        lines: list[str] = []
        for key, document in variants[name].items():
            if key not in before[name]:
                ways = {
                    CONDITIONS[other]: variants[other][key]
                    for other in later
                    if variants[other][key] != document
                }
                lines += _template(key, document, ways, {**second, **alone})
        if lines:
            files[f"{name}.yaml"] += under(condition, lines)
    files["release.yaml"] += _resource(("NetworkPolicy", "release"), _way_of_release(base), {})
    files["_base.tpl"] += _roles(base)
    return {name: unmarked(lines) for name, lines in sorted(files.items())}


def _template(key: Key, document: Document, ways: dict[str, Document], second: Documents) -> list[str]:
    """Its lines. One that a second installation does not have stands under that condition."""
    if key == SETTINGS:
        return _settings(document, ways)
    lines = _resource(key, document, ways)
    return lines if key in second else under(f"not {OF_SECOND}", lines)


def _resource(key: Key, document: Document, ways: dict[str, Document]) -> list[str]:
    reserved = _environment([document, *ways.values()])
    base, *others = [fill(marked(deepcopy(way)), reserved) for way in (document, *ways.values())]
    return ["---", *mapping(base, dict(zip(ways, others, strict=True)))]


def _environment(ways: list[Document]) -> list[str]:
    """The names of all that the container is given in any of them."""
    pods = [way["spec"]["template"]["spec"] for way in ways if "template" in way.get("spec", {})]
    return sorted({variable["name"] for pod in pods for variable in pod["containers"][0]["env"]})


def _settings(document: Document, ways: dict[str, Document]) -> list[str]:
    """What the base and its components set, for the chart's value to be put over it."""
    data = {condition: marked(way["data"]) for condition, way in ways.items()}
    lines = mapping(marked(document["data"]), data)
    return _define("settingsOfBase", lines)


def _roles(base: Documents) -> list[str]:
    """The names that the chart's value `roles` may have."""
    return _define("roles", [name for (_, name), item in base.items() if "template" in item.get("spec", {})])


def _define(name: str, lines: list[str]) -> list[str]:
    return [f'{{{{- define "switchyard.{name}" }}}}', *lines, "{{- end }}"]


def _way_of_release(base: Documents) -> Document:
    """Whatever the policies let the release Job out to, as one that is there before they are."""
    found = [item for (kind, _), item in base.items() if kind == "NetworkPolicy"]
    rules = [rule for item in found if _selects_release(item) for rule in item["spec"].get("egress", ())]
    labels = {"app.kubernetes.io/component": "release", "app.kubernetes.io/name": "switchyard"}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "release", "labels": labels, "annotations": dict(FOR_JOB)},
        "spec": {"podSelector": {"matchLabels": dict(labels)}, "policyTypes": ["Egress"], "egress": rules},
    }


def _selects_release(policy: Document) -> bool:
    selector = policy["spec"]["podSelector"]
    return not selector or any("release" in item["values"] for item in selector.get("matchExpressions", ()))


def _file(document: Document) -> str:
    """By the role it belongs to."""
    labels = document["metadata"].get("labels", {})
    if document["metadata"]["name"].startswith("settings-"):
        return "_base.tpl"
    if document["kind"] == "NetworkPolicy":
        return "network.yaml"
    if document["kind"] in CLUSTER_WIDE:
        return "priority-class.yaml"
    role = labels["app.kubernetes.io/component"]
    return f"{role}-{labels['switchyard/queue']}.yaml" if "switchyard/queue" in labels else f"{role}.yaml"
