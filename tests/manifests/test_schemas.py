"""What is rendered is what three Kubernetes versions, and the operators' own definitions, understand."""

import subprocess
from functools import cache
from pathlib import Path

import jsonschema
import pytest
import yaml

from deploy.cluster.tools import tool
from tests.manifests.definitions import custom, definition
from tests.manifests.folders import COMBINATIONS, OVERLAYS, combined
from tests.manifests.rendered import Document, documents, text

VERSIONS = ["1.35", "1.36", "1.37"]
#: Between them every component is rendered.
FOLDERS = {folder.name: folder for folder in OVERLAYS} | {"+".join(names): names for names in COMBINATIONS}


@cache
def rendered(name: str) -> str:
    if isinstance(folder := FOLDERS[name], Path):
        return text(folder)
    with combined(folder) as scratch:
        return text(scratch)


@cache
def schema(group: str, kind: str, version: str) -> Document:
    """The schema of a custom resource, which refuses a field that it does not know."""
    (found,) = [item for item in definition(group, kind)["spec"]["versions"] if item["name"] == version]
    return strict(found["schema"]["openAPIV3Schema"])


def strict(node: Document) -> Document:
    """As the API server prunes: unknown fields are refused, but where the definition leaves them open."""
    if not isinstance(node, dict):
        return node
    copy = {key: strict_member(key, value) for key, value in node.items()}
    opened = node.get("x-kubernetes-preserve-unknown-fields") or node.get("x-kubernetes-embedded-resource")
    if "properties" in node and "additionalProperties" not in node and not opened:
        copy["additionalProperties"] = False
    return copy


def strict_member(key: str, value: object) -> object:
    if key == "properties" and isinstance(value, dict):
        return {name: strict(member) for name, member in value.items()}
    return strict(value) if key in {"items", "additionalProperties"} and isinstance(value, dict) else value


def problems(document: Document) -> list[str]:
    """Of one custom resource."""
    group, _, version = document["apiVersion"].partition("/")
    body = schema(group, document["kind"], version)
    body["properties"]["metadata"] = {"type": "object"}
    errors = jsonschema.Draft202012Validator(body).iter_errors(document)
    return [f"{document['kind']} {document['metadata']['name']}: {error.message}" for error in errors]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("folder", FOLDERS)
def test_kubernetes_knows_every_field(folder, version, tmp_path) -> None:
    found = list(yaml.safe_load_all(rendered(folder)))
    known = [item for item in found if item not in custom(found)]
    file = tmp_path / "rendered.yaml"
    file.write_text(yaml.safe_dump_all(known))
    assert refused(file, version) == ""


def refused(file: Path, version: str) -> str:
    """What the validator says. It must know each kind: it only warns of one that it does not."""
    command = [
        tool("kubernetes-validate"),
        f"--kubernetes-version={version}",
        "--strict",
        "--quiet",
        str(file),
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return (result.stdout + result.stderr).strip()


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_operators_know_every_field_of_their_resources(folder) -> None:
    found = custom(list(yaml.safe_load_all(rendered(folder))))
    assert [problem for item in found for problem in problems(item)] == []


def test_a_field_that_kubernetes_does_not_know_is_refused(tmp_path) -> None:
    (deployment,) = [
        item
        for item in documents(OVERLAYS[0])
        if item["kind"] == "Deployment" and item["metadata"]["name"] == "web"
    ]
    file = tmp_path / "rendered.yaml"
    file.write_text(yaml.safe_dump({**deployment, "spec": {**deployment["spec"], "replica": 3}}))
    assert "replica" in refused(file, VERSIONS[-1])


def test_a_field_that_an_operator_does_not_know_is_refused() -> None:
    (vhost,) = [item for item in documents(OVERLAYS[1]) if item["kind"] == "Vhost"]
    said = problems({**vhost, "spec": {**vhost["spec"], "delettionPolicy": "retain"}})
    assert len(said) == 1
    assert "delettionPolicy" in said[0]
