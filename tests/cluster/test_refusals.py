"""What the tests of the overlays would fail by is really refused, warned of, or seen here."""

import json
from collections.abc import Iterator
from copy import deepcopy

import pytest

from tests.live.processes import eventually
from tests.manifests.folders import BASE
from tests.manifests.rendered import Document, container, documents, of_kind, pod

LOCAL = BASE.parent / "overlays" / "local"


@pytest.fixture(autouse=True)
def namespace(cluster) -> Iterator[None]:
    cluster.say("apply", "--server-side", "-f", str(BASE / "namespace.yaml"))
    cluster.say("apply", "--server-side", "-f", str(BASE / "priority-class.yaml"))
    cluster.say("create", "serviceaccount", "beat")
    yield
    cluster.empty()


def beat() -> Document:
    return deepcopy(of_kind(documents(LOCAL), "Deployment")["beat"])


def applied(cluster, document: Document):
    return cluster.kubectl("apply", "--server-side", "--filename=-", given=json.dumps(document))


def test_a_pod_with_privileges_is_refused(cluster) -> None:
    spec = {**pod(beat()), "containers": [{**container(beat()), "securityContext": {"privileged": True}}]}
    result = applied(
        cluster, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "privileged"}, "spec": spec}
    )
    assert result.returncode == 1
    assert 'violates PodSecurity "restricted:latest": privileged' in result.stderr


def test_a_deployment_whose_pods_would_be_refused_is_warned_of_and_gets_none(cluster) -> None:
    wrong = beat()
    del container(wrong)["securityContext"]["capabilities"]
    result = applied(cluster, wrong)
    assert result.returncode == 0
    assert "Warning: would violate PodSecurity" in result.stderr
    event, *_ = eventually(cluster.refused_pods)
    assert "unrestricted capabilities" in event["message"]
    assert cluster.get("pods") == []


def test_a_deprecated_kind_is_warned_of(cluster) -> None:
    result = applied(cluster, {"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "old"}})
    assert result.returncode == 0
    assert "Warning: v1 Endpoints is deprecated" in result.stderr


def test_a_misspelt_field_is_refused(cluster) -> None:
    wrong = beat()
    wrong["spec"]["replica"] = 2
    result = applied(cluster, wrong)
    assert result.returncode == 1
    assert "spec.replica: field not declared in schema" in result.stderr


def test_a_change_is_seen_by_the_comparison(cluster, tmp_path) -> None:
    file = tmp_path / "kustomization.yaml"
    (tmp_path / "beat.json").write_text(json.dumps(beat()))
    file.write_text("resources: [beat.json]")
    cluster.apply(tmp_path)
    before = cluster.settled(tmp_path)
    cluster.apply(tmp_path)
    assert cluster.applied(tmp_path) == before
    file.write_text("resources: [beat.json]\nreplicas: [{name: beat, count: 0}]")
    cluster.apply(tmp_path)
    assert cluster.applied(tmp_path) != before
