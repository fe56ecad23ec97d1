"""Copies of the overlays, as an operator makes one: what differs is in a kustomization of their own."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from deploy.cluster.engine import ROOT
from deploy.cluster.overlay import Overlay, overlay
from tests.node.releases import SERVICE

LOCAL = overlay("local")
STAGING = overlay("staging")
#: What production has of each.
REPLICAS = {"web": 2, "worker-io": 2, "worker-cpu": 2, "relay": 2}
#: A core for each child is more than the machine has.
SMALL = [
    {"op": "replace", "path": "/spec/template/spec/containers/0/resources/requests/cpu", "value": "200m"}
]
#: As the table of staging's README has them.
SETTINGS = {
    "PUBLIC_URL": "https://staging.test",
    "ALLOWED_HOSTS": "staging.test",
    "DEFAULT_FROM_EMAIL": "Switchyard <noreply@staging.test>",
    "EMAIL_HOST": "smtp.test",
}


@dataclass(frozen=True)
class Copy(Overlay):
    path: Path

    @property
    def folder(self) -> Path:
        return self.path


def local(tag: str) -> Any:
    """With as many pods as production has."""
    name = SERVICE.partition(":")[0]
    replicas = [{"name": role, "count": count} for role, count in REPLICAS.items()]
    return copied(LOCAL, images=[{"name": name, "newTag": tag}], replicas=replicas)


def staging(tag: str) -> Any:
    """With the settings that its README asks for, and the image where the nodes have it."""
    values = [f"{name}={value}" for name, value in SETTINGS.items()]
    return copied(
        STAGING,
        images=[{"name": "switchyard", "newName": SERVICE.partition(":")[0], "newTag": tag}],
        configMapGenerator=[{"name": "settings", "behavior": "merge", "literals": values}],
        patches=[{"target": {"kind": "Deployment", "name": "worker-cpu"}, "patch": json.dumps(SMALL)}],
    )


@contextmanager
def components(namespace: str, *names: str) -> Iterator[Path]:
    """Nothing but these, in a namespace that has no policy of its own: theirs would let in only its pods."""
    policy = {"$patch": "delete", "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy"}
    patch = json.dumps(policy | {"metadata": {"name": "any"}})
    with TemporaryDirectory(dir=ROOT / ".local") as scratch:
        folder = Path(scratch)
        written = {
            "namespace": namespace,
            "components": [os.path.relpath(ROOT / "k8s" / "components" / name, folder) for name in names],
            "patches": [{"target": {"kind": "NetworkPolicy"}, "patch": patch}],
        }
        (folder / "kustomization.yaml").write_text(json.dumps(written))
        yield folder


@contextmanager
def copied(base: Overlay, **written: object) -> Iterator[Copy]:
    """Until the end of the block, beside the overlays, with the base's README."""
    with TemporaryDirectory(dir=ROOT / ".local") as scratch:
        folder = Path(scratch)
        whole = {"namespace": "switchyard", "resources": [os.path.relpath(base.folder, folder)], **written}
        (folder / "kustomization.yaml").write_text(json.dumps(whole))
        shutil.copy(base.folder / "README.md", folder)
        yield Copy(base.name, folder)
