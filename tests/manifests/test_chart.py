"""The Helm chart renders what Kustomize does, and refuses with a sentence what would come to nothing."""

import json
import re
from functools import cache

import pytest
import yaml

from deploy.chart.__main__ import FOLDER, made
from deploy.chart.templates import written
from tests.manifests.cases import CASES, DIGEST, built, plain, workload
from tests.manifests.folders import OVERLAYS
from tests.manifests.helm import CHART, answers, resources
from tests.manifests.rendered import Document, container, documents, of_kind, pod

#: As the overlay staging is. External Secrets are brought before the chart, whose first Job has to find them.
STAGING = {"trust": True, "ingress": {"kind": "gateway"}, "monitoring": {"enabled": True}}
ENV = [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}]
#: What an operator may say, for what is said of it below.
SAID: dict[str, Document] = {
    "numbers": {"settings": {"HSTS_SECONDS": 31536000, "TRUST_PROXY": True, "WAIT_SECONDS": "90"}},
    "other level": {"settings": {"LOG_LEVEL": "DEBUG"}},
    "no workers": {"roles": {"worker-cpu": {"replicas": 0}}},
    "less memory": {"roles": {"web": {"resources": {"limits": {"memory": "1Gi"}}}}},
    "private": {"image": {"pullSecrets": ["registry"]}, "tolerations": [{"key": "spot"}], "envFrom": []}
    | {"roles": {"release": {"env": ENV}}},
    "labels": {
        "commonLabels": {"team": "yard"},
        "podLabels": {"mesh": "off"},
        "monitoring": {"enabled": True},
    },
    "own secrets": {"secretName": "ours", "brokerSecretName": "ours-broker", "autoscaling": "keda"},
    "untagged": {"image": {"repository": "our.registry:5000/yard"}},
}
REFUSED: dict[str, tuple[Document, str]] = {
    "typo": ({"autoscalling": "hpa"}, "additional properties 'autoscalling' not allowed"),
    "choice": ({"autoscaling": "vpa"}, "value must be one of 'none', 'hpa', 'keda'"),
    "digest": ({"image": {"digest": "sha256:123"}}, "'sha256:123' does not match pattern"),
    "tag in the name": ({"image": {"repository": "yard@sha256:1"}}, "does not match pattern"),
    "port": ({"network": {"databasePort": "5432"}}, "got string, want integer"),
    "replicas": ({"roles": {"web": {"replicas": -1}}}, "minimum: got -1, want 0"),
    "role": (
        {"roles": {"worker": {}}},
        "roles.worker: there is no such role; there are beat, exporter, jobs, relay,",
    ),
    "field of a role": ({"roles": {"web": {"nodeselector": {}}}}, "additional properties 'nodeselector'"),
    "secret": ({"settings": {"SECRET_KEY": "x"}}, "settings.SECRET_KEY would stand in a ConfigMap"),
    "no host": ({"ingress": {"kind": "ingress"}}, "ingress.host must say which host name it is for"),
    "its own": (
        {"roles": {"web": {"env": [{"name": "DATABASE_URL_FILE", "value": "/x"}]}}},
        "roles.web.env: DATABASE_URL_FILE is the chart's own",
    ),
}


def staging() -> Document:
    """With the settings that the overlay has."""
    (settings,) = [
        item for name, item in of_kind(overlay(), "ConfigMap").items() if name.startswith("settings-")
    ]
    return {**STAGING, "settings": settings["data"]}


def overlay() -> list[Document]:
    (folder,) = [folder for folder in OVERLAYS if folder.name == "staging"]
    return documents(folder)


@cache
def asked() -> Document:
    """All that this file asks Helm, at once."""
    every = {name: case.chart for name, case in CASES.items()} | SAID
    every |= {name: values for name, (values, _) in REFUSED.items()} | {"staging": staging()}
    answer = answers([*every.values()])
    return {"lint": answer["lint"], **dict(zip(every, answer["rendered"], strict=True))}


def helmed(name: str) -> list[Document]:
    assert "files" in asked()[name], asked()[name]
    return resources(asked()[name]["files"])


#: What Helm has besides: the release Job's own, which is there before all else.
OF_RELEASE = {("ConfigMap", "settings-release"), ("NetworkPolicy", "release")}


def same(found: list[Document]) -> dict[tuple[str, str], Document]:
    """Without what tells Helm and Argo CD when to bring it, and the image's tag."""
    kept = [item for item in found if (item["kind"], item["metadata"]["name"]) not in OF_RELEASE]
    for item in (unordered := plain(kept)).values():
        item["metadata"].pop("annotations", None)
        if item["kind"] in {"Deployment", "Job"}:
            container(item)["image"] = container(item)["image"].removesuffix(":0.1.0")
    return unordered


@pytest.mark.parametrize("name", CASES)
def test_the_chart_and_kustomize_render_the_same(name) -> None:
    assert same(helmed(name)) == same(built(name))


def test_the_chart_renders_the_overlay_staging_but_its_external_secrets() -> None:
    kustomized = {key: item for key, item in same(overlay()).items() if key[0] != "ExternalSecret"}
    assert same(helmed("staging")) == kustomized


def test_the_templates_are_those_that_make_chart_writes() -> None:
    there, wanted = {file.name: file.read_text() for file in made()}, written()
    old = sorted(name for name in there | wanted if there.get(name) != wanted.get(name))
    assert old == [], "the base, a component, a rule or a dashboard has changed since: run `make chart`"


def test_helm_lint_finds_nothing_but_the_missing_icon() -> None:
    found = [message["error"] for message in asked()["lint"]["messages"]]
    assert (found, asked()["lint"]["errors"]) == (["icon is recommended"], [])


def keys(node: object) -> int:
    return sum(1 + keys(value) for value in node.values()) if isinstance(node, dict) else 0


def test_there_are_at_most_sixty_values_and_the_schema_knows_each() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    schema = json.loads((CHART / "values.schema.json").read_text())["properties"]
    assert keys(values) <= 60
    assert {*values} == {*schema} - {"global"}
    for name in ("image", "network", "ingress", "monitoring"):
        assert {*values[name]} == {*schema[name]["properties"]}


@pytest.mark.parametrize("name", REFUSED)
def test_a_wrong_value_is_refused_with_a_sentence(name) -> None:
    assert REFUSED[name][1] in asked()[name].get("refused", "")


def hook(item: Document) -> str:
    return str(item["metadata"].get("annotations", {}).get("helm.sh/hook", ""))


def test_the_release_job_runs_before_all_else_and_needs_nothing_that_comes_later() -> None:
    """Reported of many charts: the hook waits for a service account or settings that come after it."""
    hooks = {(item["kind"], item["metadata"]["name"]): item for item in helmed("private") if hook(item)}
    job = hooks.pop(("Job", "release"))
    weights = {int(item["metadata"]["annotations"]["helm.sh/hook-weight"]) for item in hooks.values()}
    assert max(weights) < int(job["metadata"]["annotations"]["helm.sh/hook-weight"])
    assert ("ServiceAccount", pod(job)["serviceAccountName"]) in hooks
    assert ("ConfigMap", container(job)["envFrom"][0]["configMapRef"]["name"]) in hooks
    assert {hook(item) for item in (job, *hooks.values())} == {"pre-install,pre-upgrade"}
    assert "argocd" not in json.dumps(job)


def test_the_release_job_has_the_ways_out_that_its_policies_will_give_it() -> None:
    found = of_kind(helmed("other ports and name servers"), "NetworkPolicy")
    ports = {port["port"] for rule in found["release"]["spec"]["egress"] for port in rule["ports"]}
    assert ports == {5353, 6432, 5671, 5672, 15671, 15672}


def test_what_pods_are_given_the_release_job_is_given() -> None:
    """Reported of many charts: pull secrets, tolerations or variables that every pod has but the hook's."""
    for role in ("web", "release"):
        found = pod(workload(helmed("private"), role))
        assert found["imagePullSecrets"] == [{"name": "registry"}]
        assert found["tolerations"] == [{"key": "spot"}]
    assert ENV[0] in container(workload(helmed("private"), "release"))["env"]


def settings(name: str) -> dict[str, Document]:
    return {key: item for key, item in of_kind(helmed(name), "ConfigMap").items() if "settings-" in key}


def test_a_number_is_written_as_it_was() -> None:
    """Reported of many charts: 31536000 becomes 3.1536e+07."""
    for item in settings("numbers").values():
        assert item["data"]["HSTS_SECONDS"] == "31536000"
        assert item["data"]["TRUST_PROXY"] == "true"
        assert item["data"]["WAIT_SECONDS"] == "90"


def test_another_setting_has_another_name_and_the_old_one_stays_for_the_pods_that_read_it() -> None:
    before, after = settings("nothing"), settings("other level")
    assert before.keys() & after.keys() == {"settings-release"}
    (name,) = after.keys() - {"settings-release"}
    assert after[name]["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    web = container(workload(helmed("other level"), "web"))
    assert web["envFrom"][0]["configMapRef"]["name"] == name


def test_no_value_changes_a_selector() -> None:
    """It cannot be changed: an upgrade would fail for good. Labels for all are no part of it."""
    selectors = {
        name: [
            json.dumps(item["spec"].get("selector")) for item in helmed(name) if item["kind"] == "Deployment"
        ]
        for name in ("nothing", "labels")
    }
    assert selectors["labels"] == selectors["nothing"]
    assert not re.search(r"Chart.Version|helm.sh/chart", "".join(file.read_text() for file in made()))


def test_labels_are_on_every_resource_and_every_pod() -> None:
    without = [item for item in helmed("labels") if item["metadata"].get("labels", {}).get("team") != "yard"]
    assert without == []
    web = workload(helmed("labels"), "web")["spec"]["template"]["metadata"]["labels"]
    assert (web["team"], web["mesh"]) == ("yard", "off")


def test_nothing_is_random_so_that_an_upgrade_changes_nothing() -> None:
    """Reported of many charts: each upgrade makes another password. This one makes none."""
    assert not of_kind(helmed("nothing"), "Secret")
    source = "".join(file.read_text() for file in FOLDER.iterdir())
    assert not re.search(r"\b(rand[A-Z]\w+|gen[A-Z]\w+|uuidv4|htpasswd)\b", source)


def test_no_replicas_is_a_number_too() -> None:
    assert workload(helmed("no workers"), "worker-cpu")["spec"]["replicas"] == 0


def test_a_limit_that_is_said_leaves_the_others() -> None:
    assert container(workload(helmed("less memory"), "web"))["resources"] == {
        "limits": {"memory": "1Gi", "ephemeral-storage": "256Mi"},
        "requests": container(workload(built("nothing"), "web"))["resources"]["requests"],
    }


def test_secrets_may_have_other_names() -> None:
    written = json.dumps(helmed("own secrets"))
    assert '"ours"' in written
    assert '"ours-broker"' in written
    assert not re.search(r'ecretName": "switchyard|"name": "switchyard-broker"', written)


def test_the_image_is_of_the_charts_version_until_it_is_told_another_and_by_digest_it_has_no_tag() -> None:
    assert container(workload(helmed("untagged"), "web"))["image"] == "our.registry:5000/yard:0.1.0"
    assert container(workload(helmed("registry"), "web"))["image"] == f"our.registry/switchyard@{DIGEST}"
