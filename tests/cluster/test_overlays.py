"""A Kubernetes API server takes each overlay, twice, and every pod of it, and rolls it to another image."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from switchyard.routing import QUEUES
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
    assert cluster.applied(folder) == before
    cluster.say("diff", "--server-side", "-k", str(folder))


def test_a_node_may_be_drained_of_one_pod_of_a_role_at_a_time(cluster, folder) -> None:
    cluster.roll_out()
    budgets = set(of_kind(documents(folder), "PodDisruptionBudget")) & set(ours(documents(folder)))
    assert budgets == {"relay", "web", *(f"worker-{queue}" for queue in QUEUES)}
    eventually(lambda: {name for name in budgets if allowed(cluster, name) == 1} == budgets, within=180)


def allowed(cluster, name: str) -> int:
    (found,) = cluster.get(f"poddisruptionbudget/{name}")
    return found["status"]["disruptionsAllowed"]


def test_a_service_reaches_the_pods_that_it_is_for(cluster, folder) -> None:
    cluster.roll_out()
    services = set(of_kind(documents(folder), "Service"))
    assert "web" in services
    for name in services:
        eventually(lambda name=name: reached(cluster, name) == {name}, within=180, what=f"pods of {name}")


def reached(cluster, service: str) -> set[str]:
    """The workloads whose ready pods it sends to."""
    slices = cluster.get("endpointslices", f"--selector=kubernetes.io/service-name={service}")
    points = [point for item in slices for point in item["endpoints"] or [] if point["conditions"]["ready"]]
    return {point["targetRef"]["name"].partition("-")[0] for point in points}


def test_another_image_tag_rolls_every_role_and_takes_none_away(cluster, folder) -> None:
    cluster.roll_out()
    before = {item["metadata"]["name"]: item["status"]["availableReplicas"] for item in complete(cluster)}
    with tagged(folder, "next") as changed, cluster.watched() as seen:
        cluster.say("delete", "job", "release")
        cluster.apply(changed)
        cluster.roll_out()
    eventually(lambda: images(cluster) == {"switchyard:next"}, within=180)
    assert cluster.refused_pods() == []
    assert {name for name, available in seen() if available < before[name]} == {"beat"}


@contextmanager
def tagged(folder: Path, tag: str) -> Iterator[Path]:
    """A folder that is another with our image at another tag, as the next release changes it."""
    with TemporaryDirectory(dir=K8S.parent / ".local") as scratch:
        resources = f"resources: [{os.path.relpath(folder, scratch)}]"
        names = ("switchyard", "localhost/switchyard")
        changes = [f"{{name: {name}, newName: switchyard, newTag: {tag}}}" for name in names]
        lines = [resources, f"images: [{', '.join(changes)}]"]
        (Path(scratch) / "kustomization.yaml").write_text("\n".join(lines))
        yield Path(scratch)


def images(cluster) -> set[str]:
    """Of every pod of ours."""
    pods = cluster.get("pods", "--selector=app.kubernetes.io/name=switchyard")
    return {container["image"] for pod in pods for container in pod["spec"]["containers"]}
