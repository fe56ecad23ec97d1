"""`make secrets`, `deploy`, `status` and `undeploy` do what they say, and nothing to a cluster not meant."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.cluster.__main__ import VERBS
from deploy.cluster.deploy import deploy
from deploy.cluster.kubectl import Kubectl
from deploy.cluster.overlay import NAMESPACE, Overlay, overlay
from deploy.local.errors import LocalError
from switchyard.routing import QUEUES
from tests.cluster.cluster import Result
from tests.cluster.plane import CONTEXT
from tests.cluster.test_overlays import images, tagged
from tests.live.processes import eventually
from tests.manifests.agreement import used_keys
from tests.manifests.rendered import documents, of_kind

LOCAL = overlay("local")
ROLES = {"beat", "exporter", "jobs", "relay", "web", *(f"worker-{queue}" for queue in QUEUES)}


@pytest.fixture(autouse=True)
def answers(cluster, monkeypatch) -> Iterator[None]:
    """What roles would answer, since nothing runs; and this cluster for what is called in this process."""
    for name in ("PATH", "KUBECONFIG"):
        monkeypatch.setenv(name, cluster.environment[name])
    cluster.node.said.printed.update(web='{"ready": true}', exporter="switchyard_broker_up 1.0")
    yield
    cluster.node.exit_code = 0


@pytest.fixture(scope="module")
def running(cluster) -> Iterator[None]:
    """The local overlay, brought there by the verbs of the README."""
    cluster.node.said.printed.update(web='{"ready": true}', exporter="switchyard_broker_up 1.0")
    for name, *more in (("secrets",), ("deploy", "--yes")):
        done = verb(cluster, name, *more, f"--context={CONTEXT}")
        assert done.returncode == 0, done
    yield
    cluster.empty()


def verb(cluster, name: str, *arguments: str) -> Result:
    return cluster.run(sys.executable, "-m", "deploy.cluster", name, "--overlay=local", *arguments)


@pytest.mark.parametrize("name", VERBS)
def test_a_context_that_is_not_the_overlays_own_is_refused(cluster, name) -> None:
    done = verb(cluster, name, "--yes")
    assert done.returncode == 1
    assert f"kubectl is at {CONTEXT}" in done.stderr
    assert f"CONTEXT={CONTEXT}" in done.stderr
    assert cluster.get("namespaces", f"--field-selector=metadata.name={NAMESPACE}") == []


def test_nothing_is_applied_to_a_cluster_that_lacks_what_the_overlay_needs(cluster) -> None:
    done = verb(cluster, "deploy", "--yes", f"--context={CONTEXT}")
    assert done.returncode == 1
    assert f"Applies local to {CONTEXT}: the namespace {NAMESPACE}" in done.stdout
    assert f"{CONTEXT} lacks what local needs, so nothing was applied:" in done.stderr
    lacking = [line.split(" (")[0] for line in done.stderr.splitlines()[1:]]
    assert lacking == ["- Secret servers", "- Secret switchyard", "- Secret switchyard-broker"]
    assert cluster.get("namespaces", f"--field-selector=metadata.name={NAMESPACE}") == []


def test_nothing_is_applied_to_a_cluster_that_lacks_every_operator(cluster) -> None:
    command = ("deploy", "--overlay=production", "--yes", f"--context={CONTEXT}")
    done = cluster.run(sys.executable, "-m", "deploy.cluster", *command)
    assert done.returncode == 1
    for line in ("API rabbitmq.com/v1beta1 (", "ClusterSecretStore switchyard (", "Gateway switchyard:"):
        assert f"- {line}" in done.stderr


def test_nothing_is_applied_that_nobody_agreed_to(cluster, running) -> None:
    done = verb(cluster, "deploy", f"--context={CONTEXT}")
    assert done.returncode == 1
    assert "There is nobody to ask here" in done.stderr


def test_the_local_overlay_runs_with_every_secret_that_its_pods_mount(cluster, running) -> None:
    assert deployed(cluster) == ROLES
    made = {(item["metadata"]["name"], key) for item in cluster.get("secrets") for key in item["data"]}
    assert used_keys(documents(LOCAL.folder)) <= made
    again = verb(cluster, "secrets", f"--context={CONTEXT}")
    assert "nothing; all are there" in again.stdout


def deployed(cluster) -> set[str]:
    found = cluster.get("deployments")
    return {item["metadata"]["name"] for item in found if item["status"].get("readyReplicas")}


def test_status_shows_what_is_there(cluster, running) -> None:
    done = verb(cluster, "status", f"--context={CONTEXT}")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"local at {CONTEXT}, namespace {NAMESPACE}:")
    assert {name for name in ROLES if f"deployment.apps/{name}" in done.stdout} == ROLES


@dataclass(frozen=True)
class Changed(Overlay):
    """An overlay in another folder."""

    path: Path

    @property
    def folder(self) -> Path:
        return self.path


def test_the_next_release_is_shown_and_rolled_out(cluster, running, capfd) -> None:
    with tagged(LOCAL.folder, "next") as folder:
        deploy(Kubectl(CONTEXT), Changed("next", folder), yes=True)
    printed, warned = capfd.readouterr()
    assert warned == ""
    assert "+        image: switchyard:next" in printed
    assert "web reaches the database" in printed
    eventually(lambda: images(cluster) == {"switchyard:next"}, within=180)


def test_a_release_that_fails_says_why_and_changes_no_role(cluster, running, capfd) -> None:
    before = of_kind(cluster.get("deployments"), "Deployment")
    cluster.node.exit_code = 1
    cluster.node.said.logs["release"] = "the migration does not fit\n"
    with (
        tagged(LOCAL.folder, "broken") as folder,
        pytest.raises(LocalError, match="The release Job did not complete"),
    ):
        deploy(Kubectl(CONTEXT), Changed("broken", folder), yes=True)
    assert "the migration does not fit" in capfd.readouterr().out
    after = of_kind(cluster.get("deployments"), "Deployment")
    assert {name: item["spec"] for name, item in after.items()} == {
        name: item["spec"] for name, item in before.items()
    }


@pytest.mark.parametrize(
    ("role", "printed", "said"),
    [
        ("web", '{"ready": false}', "web answers, but is not ready"),
        ("exporter", "switchyard_broker_up 0.0", "The exporter cannot read the broker"),
    ],
)
def test_a_role_that_runs_but_does_not_work_fails_the_deploy(cluster, running, role, printed, said) -> None:
    cluster.node.said.printed[role] = printed
    done = verb(cluster, "deploy", "--yes", f"--context={CONTEXT}")
    assert done.returncode == 1
    assert said in done.stderr


def test_undeploy_takes_the_roles_and_leaves_servers_and_secrets(cluster, running) -> None:
    done = verb(cluster, "undeploy", "--yes", f"--context={CONTEXT}")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Servers, data and Secrets stay" in done.stdout
    assert cluster.get("deployments,jobs") == []
    assert set(of_kind(cluster.get("statefulsets"), "StatefulSet")) == {"mail", "postgres", "rabbitmq"}
    assert {"servers", "switchyard", "switchyard-broker"} <= set(of_kind(cluster.get("secrets"), "Secret"))
    assert len(cluster.get("persistentvolumeclaims")) == 2
