"""An overlay of the manifests, and the kubectl context that it belongs to."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from deploy.cluster.engine import ROOT
from deploy.local.errors import LocalError

OVERLAYS = ROOT / "k8s" / "overlays"
#: Of the overlays that are here; one of an operator's own may say another.
NAMESPACE = "switchyard"
#: What the base calls the image, for an overlay to name.
IMAGE = "switchyard"
#: kind's name for the context of the cluster that the README makes. Other overlays' contexts have their name.
CONTEXTS = {"local": "kind-switchyard"}


@dataclass(frozen=True)
class Overlay:
    name: str

    @property
    def folder(self) -> Path:
        return OVERLAYS / self.name

    @property
    def image(self) -> str:
        """The name and tag of the service's image. Raises LocalError for one that is named by digest."""
        (ours,) = [item for item in self._written()["images"] if item["name"] == IMAGE]
        if "newTag" not in ours:
            raise LocalError(f"OVERLAY={self.name} names no tag: say ARGS=--tag=NAME:TAG.")
        return f"{ours.get('newName', IMAGE)}:{ours['newTag']}"

    @property
    def namespace(self) -> str:
        """Where all of it goes: a second installation in the cluster has one of its own."""
        return str(self._written().get("namespace", NAMESPACE))

    @property
    def context(self) -> str:
        return CONTEXTS.get(self.name, self.name)

    def _written(self) -> dict[str, Any]:
        return dict(yaml.safe_load((self.folder / "kustomization.yaml").read_text()))


def overlay(name: str) -> Overlay:
    """Raises LocalError, with the names that there are, for another one."""
    known = sorted(folder.name for folder in OVERLAYS.iterdir() if (folder / "kustomization.yaml").is_file())
    if name not in known:
        raise LocalError(f"OVERLAY={name}: there is none of that name; there are {', '.join(known)}.")
    return Overlay(name)
