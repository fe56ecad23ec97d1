"""What Kustomize makes of the folders under k8s/, as plain dictionaries."""

import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from deploy.cluster.engine import ROOT
from deploy.cluster.tools import tool

K8S = ROOT / "k8s"
Document = dict[str, Any]


def text(folder: Path) -> str:
    """The rendered YAML. Fails with what Kustomize says, a warning included."""
    result = subprocess.run(
        [tool("kubectl"), "kustomize", str(folder)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, f"{folder} does not render: {result.stderr}"
    assert result.stderr == "", f"{folder} renders with a warning: {result.stderr}"
    return result.stdout


@cache
def documents(folder: Path) -> list[Document]:
    return list(yaml.safe_load_all(text(folder)))


def of_kind(found: list[Document], *kinds: str) -> dict[str, Document]:
    """Name to document."""
    return {document["metadata"]["name"]: document for document in found if document["kind"] in kinds}


def pod(workload: Document) -> Document:
    """The pod's spec."""
    return workload["spec"]["template"]["spec"]


def container(workload: Document) -> Document:
    """The one container of a workload of ours."""
    (only,) = pod(workload)["containers"]
    return only


def ours(found: list[Document]) -> dict[str, Document]:
    """The workloads that run our image."""
    workloads = of_kind(found, "Deployment", "Job")
    return {name: item for name, item in workloads.items() if "component" in labels(item)}


def labels(document: Document) -> dict[str, str]:
    """Labels by what follows the last slash."""
    return {key.rpartition("/")[2]: value for key, value in document["metadata"].get("labels", {}).items()}
