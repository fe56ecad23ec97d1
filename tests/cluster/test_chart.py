"""Helm brings the chart to a real API server: release first, and alone where it fails."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from deploy.cluster.overlay import NAMESPACE
from deploy.cluster.secrets import generated, namespace, secret
from deploy.cluster.tools import tool
from tests.cluster.cluster import Cluster, Result
from tests.manifests.helm import CHART
from tests.manifests.rendered import Document, of_kind

#: Helm's own library, in the tools' environment.
PROGRAM = """
import json, sys
import helm_python
verb, chart, namespace, values = json.loads(sys.argv[1])
with helm_python.Config(namespace=namespace) as helm:
    try:
        getattr(helm, verb)(chart, "switchyard", values, wait="watcher", timeout=400, namespace=namespace)
    except helm_python.HelmError as error:
        sys.exit(str(error))
"""
VALUES = {"settings": {"PUBLIC_URL": "https://yard.team.dev", "ALLOWED_HOSTS": "yard.team.dev"}}
CHANGED: dict[str, Any] = {
    **VALUES,
    "image": {"tag": "next"},
    "settings": {**VALUES["settings"], "LOG_LEVEL": "DEBUG"},
}


def helm(cluster: Cluster, verb: str, values: Document, where: str = NAMESPACE) -> Result:
    return cluster.run(tool("python"), "-c", PROGRAM, json.dumps([verb, str(CHART), where, values]))


def place(cluster: Cluster, where: str, *, secrets: bool = True) -> None:
    """The namespace, and in it what an operator makes before the chart."""
    made = [namespace(where)]
    if secrets:
        made += [secret(name, data) for name, data in generated().items()]
    given = json.dumps({"apiVersion": "v1", "kind": "List", "items": made})
    cluster.say("apply", "--server-side", f"--namespace={where}", "--filename=-", given=given)


@pytest.fixture(scope="module")
def installed(cluster) -> Iterator[None]:
    place(cluster, NAMESPACE)
    done = helm(cluster, "install", VALUES)
    assert done.returncode == 0, done
    yield
    cluster.node.exit_code = 0
    cluster.empty()


def deployments(cluster: Cluster) -> dict[str, Document]:
    return of_kind(cluster.get("deployments"), "Deployment")


def test_a_secret_that_is_not_there_is_refused_before_anything_is_made(cluster) -> None:
    place(cluster, "bare", secrets=False)
    done = helm(cluster, "install", VALUES, "bare")
    assert "The Secret switchyard in the namespace bare lacks the key database-url" in done.stderr
    assert cluster.get("deployments,jobs", "--namespace=bare") == []


def test_the_release_has_ended_before_a_role_is_there_and_leaves_nothing_of_its_own(
    cluster, installed
) -> None:
    (job,) = cluster.get("jobs")
    ended = job["status"]["completionTime"]
    found = deployments(cluster)
    assert min(item["metadata"]["creationTimestamp"] for item in found.values()) >= ended
    assert {item["status"]["readyReplicas"] for item in found.values()} == {1, 2}
    assert cluster.refused_pods() == []
    gone = ("serviceaccount/release", "configmap/settings-release", "networkpolicy/release")
    for name in gone:
        assert cluster.kubectl("get", name).returncode == 1


def test_the_same_again_rolls_nothing(cluster, installed) -> None:
    before = {name: item["metadata"]["generation"] for name, item in deployments(cluster).items()}
    done = helm(cluster, "upgrade", VALUES)
    assert done.returncode == 0, done
    assert {name: item["metadata"]["generation"] for name, item in deployments(cluster).items()} == before


def test_a_release_that_fails_changes_no_role_and_the_next_upgrade_makes_it_anew(cluster, installed) -> None:
    before = {name: item["spec"] for name, item in deployments(cluster).items()}
    cluster.node.exit_code = 1
    failed = helm(cluster, "upgrade", CHANGED)
    assert failed.returncode == 1
    assert "pre-upgrade" in failed.stderr
    assert {name: item["spec"] for name, item in deployments(cluster).items()} == before
    cluster.node.exit_code = 0
    done = helm(cluster, "upgrade", CHANGED)
    assert done.returncode == 0, done
    images = {
        item["spec"]["template"]["spec"]["containers"][0]["image"] for item in deployments(cluster).values()
    }
    assert images == {"switchyard:next"}
    # The pods of the release before may start again until the last of them is gone.
    assert len([item for item in cluster.get("configmaps") if "settings-" in item["metadata"]["name"]]) == 2


def test_a_second_installation_goes_beside_the_first_and_only_as_one(cluster, installed) -> None:
    place(cluster, "second")
    refused = helm(cluster, "install", VALUES, "second")
    assert 'PriorityClass "switchyard-singular"' in refused.stderr
    done = helm(cluster, "install", {**VALUES, "secondInstallation": True}, "second")
    assert done.returncode == 0, done
    assert len(cluster.get("deployments", "--namespace=second")) == len(deployments(cluster))
    cluster.say("delete", "namespace", "second", "bare", "--ignore-not-found", "--timeout=180s")
