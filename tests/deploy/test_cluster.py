"""The verbs for a cluster refuse the wrong one, ask first, and stop where going on would do harm.

There is no cluster here: a script in kubectl's place notes what it is asked for and answers as one would.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.cluster.__main__ import main
from deploy.cluster.engine import ROOT
from deploy.cluster.on_call import pod
from deploy.cluster.secrets import BROKER_KEYS, generated
from tests.deploy.kubectl import stand_in

SCRIPT = """#!/bin/sh
echo "$@" >> "$NOTES/commands"
case "$*" in
  "config current-context") echo "${CURRENT-kind-switchyard}" ;;
  *" diff "*) exit "${DIFF-1}" ;;
  *" kustomize "*) cat "$NOTES/rendered" ;;
  *"get --raw"*) [ -z "$LACKS" ] || { echo 'Error from server (NotFound)' >&2; exit 1; }
    echo '"kind":"Vhost"' ;;
  *"get secret "*) echo "${LACKS:-rabbitmq-password postgres-password}" ;;
  *"get storageclasses"*) [ -n "$LACKS" ] || echo true ;;
  *"get namespaces --selector"*) [ -n "$LACKS" ] || echo namespace/kube-system ;;
  *"get deployments,"*) echo "${THERE-deployment.apps/web}" ;;
  *"get secrets"*) echo "$SECRETS" ;;
  *"get secret/switchyard-broker"*) echo "$BROKER" ;;
  *"get deployment/toolbox"*) cat "$NOTES/toolbox" ;;
  *"exec toolbox-"*) exit "${SAID-0}" ;;
  *"get job/release"*) echo "${RELEASE-Complete}" ;;
  *8000*|*9811*) echo '{"ready": true}' ;;
  *9808*) echo 'switchyard_broker_up 1.0' ;;
  *"create -f -"*|*"replace -f -"*) { cat; echo; } >> "$NOTES/given" ;;
esac
"""
#: An overlay that needs one thing of each kind.
RENDERED = """
{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: rabbitmq}, spec: {
  volumeClaimTemplates: [{spec: {}}],
  template: {spec: {volumes: [{name: a, secret: {secretName: servers, items: [
    {key: rabbitmq-password}, {key: postgres-password}]}}]}}}}
---
{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: dns}, spec: {egress: [
  {to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}}]}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {ports: [{name: http, port: 80}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: mail}, spec: {ports: [{name: smtp, port: 1025},
  {name: http, port: 8025}]}}
---
{apiVersion: rabbitmq.com/v1beta1, kind: Vhost, metadata: {name: switchyard}, spec: {}}
"""


def toolbox() -> dict[str, Any]:
    """As the base has it; what is rendered of it is for tests/manifests to look at."""
    file = ROOT / "k8s" / "base" / "toolbox" / "deployment.yaml"
    found: dict[str, Any] = yaml.safe_load(file.read_text())
    found["spec"]["template"]["metadata"] = {"labels": {"app.kubernetes.io/component": "toolbox"}}
    return found


class Cluster:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def commands(self) -> list[str]:
        """Each without the flags that every one has."""
        lines = (self.folder / "commands").read_text().splitlines()
        return [line.partition("--namespace=switchyard ")[2] or line for line in lines]

    @property
    def verbs(self) -> list[str]:
        return [line.split()[0] for line in self.commands]


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    stand_in(tmp_path, SCRIPT, RENDERED, monkeypatch)
    monkeypatch.setenv("BROKER", json.dumps({"data": dict.fromkeys(BROKER_KEYS, "dXJs")}))
    (tmp_path / "toolbox").write_text(json.dumps(toolbox()))
    return Cluster(tmp_path)


@pytest.mark.parametrize("verb", ["deploy", "undeploy", "status", "secrets", "on-call"])
@pytest.mark.parametrize("current", ["production", ""])
def test_a_context_that_is_not_the_overlays_own_is_refused_untouched(
    cluster, capsys, monkeypatch, verb, current
):
    monkeypatch.setenv("CURRENT", current)
    assert main([verb, "--overlay=local", "--yes"]) == 1
    said = capsys.readouterr().err
    assert f"belongs to the context kind-switchyard, but kubectl is at {current or 'none'}" in said
    assert cluster.commands == ["config current-context"]


def test_a_context_that_is_named_is_taken_and_bound(cluster) -> None:
    assert main(["status", "--overlay=local", "--context=somewhere"]) == 0
    lines = (cluster.folder / "commands").read_text().splitlines()
    assert {line.split()[0] for line in lines} == {"--context=somewhere"}


def test_an_overlay_with_a_namespace_of_its_own_goes_there_and_nowhere_else(
    cluster, tmp_path, monkeypatch, capsys
) -> None:
    """It went to `switchyard`, beside the first installation, where kubectl refuses it."""
    second = tmp_path / "overlays" / "second"
    second.mkdir(parents=True)
    (second / "kustomization.yaml").write_text("namespace: yard-two\n")
    monkeypatch.setattr("deploy.cluster.overlay.OVERLAYS", second.parent)
    assert main(["status", "--overlay=second", "--context=shared"]) == 0
    lines = (tmp_path / "commands").read_text().splitlines()
    assert all(line.startswith("--context=shared --namespace=yard-two ") for line in lines)
    assert "second at shared, namespace yard-two:" in capsys.readouterr().out


def test_an_overlay_that_is_not_there_is_answered_with_those_that_are(cluster, capsys) -> None:
    assert main(["deploy", "--overlay=prodution"]) == 1
    assert "there are local, production, staging." in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["deploy", "undeploy"])
def test_nothing_is_changed_when_there_is_nobody_to_ask(cluster, capsys, verb) -> None:
    assert main([verb, "--overlay=local"]) == 1
    assert "say ARGS=--yes" in capsys.readouterr().err
    assert set(cluster.verbs) <= {"config", "get", "diff", "kustomize"}


def test_the_release_is_done_before_a_role_is_changed(cluster) -> None:
    assert main(["deploy", "--overlay=local", "--yes"]) == 0
    done = [line.partition(" --")[0] for line in cluster.commands]
    changing = [each for each in done if each.split()[0] not in {"config", "diff", "exec", "kustomize"}]
    assert changing[-5:] == [
        "delete job release",
        "apply",
        "get job/release",
        "apply",
        "rollout status deployment",
    ]
    first, second = (line for line in cluster.commands if line.startswith("apply"))
    assert "notin (web,worker,beat,relay,exporter,jobs,toolbox)" in first
    assert "in (web,worker,beat,relay,exporter,jobs,toolbox)" in second


def test_no_role_is_changed_after_a_release_that_failed(cluster, capsys, monkeypatch) -> None:
    monkeypatch.setenv("RELEASE", "Failed")
    assert main(["deploy", "--overlay=local", "--yes"]) == 1
    assert "No role was changed." in capsys.readouterr().err
    assert cluster.verbs.count("apply") == 1
    assert cluster.verbs[-1] == "logs"


def test_a_difference_that_cannot_be_told_stops_it(cluster, monkeypatch) -> None:
    monkeypatch.setenv("DIFF", "2")
    assert main(["deploy", "--overlay=local", "--yes"]) == 1
    assert set(cluster.verbs) == {"config", "kustomize", "get", "diff"}


def test_a_first_deploy_asks_without_a_thousand_lines_of_difference(cluster, capsys, monkeypatch) -> None:
    """Though the namespace is there: `make secrets` has made it."""
    monkeypatch.setenv("THERE", "")
    assert main(["deploy", "--overlay=local"]) == 1
    assert "All of it is new there. Apply it?" in capsys.readouterr().err
    assert "diff" not in cluster.verbs


def test_the_last_lines_say_how_to_reach_what_has_pages(cluster, capsys) -> None:
    assert main(["deploy", "--overlay=local", "--yes"]) == 0
    *_, web, mail = capsys.readouterr().out.splitlines()
    bound = "  kubectl --context=kind-switchyard --namespace=switchyard port-forward service/"
    assert web == f"{bound}web 8000:80   # http://localhost:8000"
    assert mail == f"{bound}mail 8025:8025   # http://localhost:8025"


def test_web_with_a_route_of_its_own_is_reached_by_its_address(cluster, capsys) -> None:
    route = "---\n{apiVersion: v1, kind: Ingress, metadata: {name: web}}\n"
    (cluster.folder / "rendered").write_text(RENDERED + route)
    assert main(["deploy", "--overlay=local", "--yes"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "web is reached by its PUBLIC_URL."


def test_all_that_is_missing_is_named_with_how_to_make_it_before_anything_is_applied(
    cluster, capsys, monkeypatch
) -> None:
    monkeypatch.setenv("LACKS", "rabbitmq-password")
    assert main(["deploy", "--overlay=local", "--yes"]) == 1
    said = capsys.readouterr().err
    assert "- Secret servers (postgres-password, rabbitmq-password): `make secrets OVERLAY=local`" in said
    assert "- StorageClass (default): kind and minikube bring one" in said
    assert "- Namespace kubernetes.io/metadata.name=kube-system: " in said
    assert "- API rabbitmq.com/v1beta1 (Vhost): its README does not say" in said
    assert set(cluster.verbs) == {"config", "kustomize", "get"}


def test_a_value_that_is_still_the_examples_is_refused(cluster, capsys) -> None:
    settings = {"data": {"PUBLIC_URL": "https://switchyard.example", "LOG_LEVEL": "INFO"}}
    settings |= {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings-5f"}}
    (cluster.folder / "rendered").write_text(json.dumps(settings))
    assert main(["deploy", "--overlay=production", "--context=production", "--yes"]) == 1
    said = capsys.readouterr().err
    assert "- Setting PUBLIC_URL: put the address that people use into kustomization.yaml" in said
    assert "LOG_LEVEL" not in said


def test_secrets_are_made_once_and_pass_by_no_command_line(cluster, monkeypatch) -> None:
    assert main(["secrets", "--overlay=local"]) == 0
    given = (cluster.folder / "given").read_text()
    made = [json.loads(line) for line in given.splitlines()]
    values = {value for secret in made for value in secret["stringData"].values() if value}
    assert len(values) == 6
    assert [value for value in values if value in (cluster.folder / "commands").read_text()] == []
    monkeypatch.setenv("SECRETS", " ".join(f"secret/{name}" for name in generated()))
    assert main(["secrets", "--overlay=local"]) == 0
    assert (cluster.folder / "given").read_text() == given


def test_secrets_that_share_a_password_are_not_made_in_part(cluster, capsys, monkeypatch) -> None:
    monkeypatch.setenv("SECRETS", "secret/servers")
    assert main(["secrets", "--overlay=local"]) == 1
    assert "but not switchyard, switchyard-broker" in capsys.readouterr().err
    assert not (cluster.folder / "given").exists()


def test_secrets_are_new_each_time() -> None:
    assert generated()["servers"] != generated()["servers"]


def test_only_the_local_overlay_has_its_secrets_made(cluster, capsys, monkeypatch) -> None:
    monkeypatch.setenv("CURRENT", "production")
    assert main(["secrets", "--overlay=production"]) == 1
    assert "come from a store" in capsys.readouterr().err
    assert cluster.verbs == ["config"]


def test_a_role_that_is_newer_than_the_secret_gets_its_key_and_no_other_changes(cluster, monkeypatch) -> None:
    monkeypatch.setenv("SECRETS", " ".join(f"secret/{name}" for name in generated()))
    monkeypatch.setenv("BROKER", json.dumps({"data": {"release": "dXJs", "worker": "b3du"}}))
    assert main(["secrets", "--overlay=local"]) == 0
    [given] = map(json.loads, (cluster.folder / "given").read_text().splitlines())
    assert set(given["data"]) == {*BROKER_KEYS}
    assert (given["data"]["worker"], given["data"]["toolbox"]) == ("b3du", "dXJs")


def test_on_call_stands_in_a_pod_of_its_own_which_is_gone_afterwards(cluster, capsys, monkeypatch) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "Ada.L@example")
    monkeypatch.setenv("SAID", "3")
    assert main(["on-call", "--overlay=local", "--command", "python", "-m", "app", "doctor"]) == 3
    made = json.loads((cluster.folder / "given").read_text())
    name = made["metadata"]["name"]
    assert name.startswith("toolbox-ada-l-example-")
    assert cluster.commands[1:] == [
        "get deployment/toolbox --ignore-not-found --output=json",
        "create -f -",
        f"wait --for=condition=Ready pod/{name} --timeout=120s",
        f"exec {name} -- python -m app doctor",
        f"delete pod {name} --wait=false --ignore-not-found",
    ]
    monkeypatch.setenv("SAID", "0")
    assert main(["on-call", "--overlay=local"]) == 0
    assert "begin with `python -m app doctor`" in capsys.readouterr().out
    assert cluster.commands[-2].endswith(" -- sh")


def test_a_pod_of_the_toolbox_is_as_it_is_deployed_and_is_nobodys_replica() -> None:
    deployed = toolbox()
    made = pod(deployed, "toolbox-ada-1")
    assert deployed["spec"]["replicas"] == 0
    assert made["spec"] == {**deployed["spec"]["template"]["spec"], "restartPolicy": "Never"}
    # A ReplicaSet takes what has its hash; network policies go by the role.
    assert made["metadata"]["labels"] == {"app.kubernetes.io/component": "toolbox"}


def test_a_cluster_without_the_toolbox_says_where_to_stand_instead(cluster, capsys) -> None:
    (cluster.folder / "toolbox").write_text("")
    assert main(["on-call", "--overlay=local"]) == 1
    assert "has no Deployment toolbox" in capsys.readouterr().err
    assert "create" not in cluster.verbs
