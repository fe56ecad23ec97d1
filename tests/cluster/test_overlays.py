"""A Kubernetes API server takes each overlay, twice, and every pod of it, and rolls it to another image."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.cluster import record
from tests.live.processes import eventually
from tests.manifests.folders import OVERLAYS, combined
from tests.manifests.rendered import K8S, documents, of_kind, ours

#: The overlays, and the component that none of them has.
FOLDERS = {folder.name: nullcontext(folder) for folder in OVERLAYS}
FOLDERS["base with autoscaling-hpa"] = combined(("autoscaling-hpa",))


@pytest.fixture(scope="module", params=FOLDERS)
def folder(request, cluster) -> Iterator[Path]:
    """One of them, applied, in a namespace that ends with its tests."""
    with FOLDERS[request.param] as path:
        cluster.define(documents(path))
        cluster.apply(path)
        yield path
        request.config.stash[record.APPLIED].append((request.param, documents(path)))
        cluster.empty()


def test_every_pod_is_admitted_and_every_rollout_ends(cluster, folder) -> None:
    cluster.roll_out()
    assert cluster.refused_pods() == []
    wanted = set(of_kind(documents(folder), "Deployment", "StatefulSet"))
    assert {item["metadata"]["name"] for item in complete(cluster)} == wanted


def complete(cluster) -> list[dict]:
    """Those with each replica ready: at least one."""
    found = cluster.get("deployments,statefulsets")
    return [item for item in found if item["status"].get("readyReplicas") == item["spec"]["replicas"] > 0]


def test_applying_it_again_changes_nothing(cluster, folder) -> None:
    cluster.roll_out()
    before = cluster.settled(folder)
    assert len(before) == len(documents(folder))
    cluster.apply(folder)
    assert cluster.get("-k", str(folder), "--show-managed-fields") == before
    cluster.say("diff", "--server-side", "-k", str(folder))


def test_another_image_tag_rolls_every_role(cluster, folder) -> None:
    with tagged(folder, "next") as changed:
        cluster.say("delete", "job", "release")
        cluster.apply(changed)
        cluster.roll_out()
    eventually(lambda: images(cluster) == {"switchyard:next"}, within=180)
    assert len(ours(documents(folder))) == 7
    assert cluster.refused_pods() == []


@contextmanager
def tagged(folder: Path, tag: str) -> Iterator[Path]:
    """A folder that is another with our image at another tag, as the next release changes it."""
    with TemporaryDirectory(dir=K8S.parent / ".local") as scratch:
        resources = f"resources: [{os.path.relpath(folder, scratch)}]"
        lines = [resources, f"images: [{{name: switchyard, newTag: {tag}}}]"]
        (Path(scratch) / "kustomization.yaml").write_text("\n".join(lines))
        yield Path(scratch)


def images(cluster) -> set[str]:
    """Of every pod of ours."""
    pods = cluster.get("pods", "--selector=app.kubernetes.io/name=switchyard")
    return {container["image"] for pod in pods for container in pod["spec"]["containers"]}
