"""The linters find nothing but what is excepted here, by name and with its reason."""

import json
import subprocess

import pytest

from deploy.cluster.engine import ROOT
from deploy.cluster.tools import kube_score, tool
from tests.manifests.folders import OVERLAYS
from tests.manifests.rendered import text

CHECKOV = {
    "CKV_K8S_11": "no CPU limit: throttling delays acknowledgements and heartbeats, and protects nobody",
    "CKV_K8S_15": "pulled if not present: a tag of ours is a revision, which does not change",
    "CKV_K8S_43": "a tag, not a digest: who deploys an image knows its digest and can set it in the overlay",
    "CKV_DOCKER_2": "no HEALTHCHECK: each role has probes of its own in its manifest",
    "CKV_DOCKER_7": "the base image has a tag: checkov does not look into ARG",
}
KUBE_SCORE = {
    "container-image-pull-policy": CHECKOV["CKV_K8S_15"],
    "pod-probes-identical": "the exporter, to which nothing is sent, is ready when it is alive",
    "deployment-has-host-podantiaffinity": "topology spread does it, which kube-score does not look for",
    "deployment-replicas": "the local overlay runs one of each; elsewhere KEDA says how many",
    "networkpolicy-targets-pod": "the pods of an operator's cluster are not rendered here",
}


YAMLLINT = """
extends: default
rules:
  braces: {max-spaces-inside: 0}
  comments: {min-spaces-from-content: 1}
  document-start: disable
  line-length: {max: 140}
ignore: [k8s/chart/templates]
"""


def output(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def checkov(framework: str, file: str, skipped: "dict[str, str] | None" = None) -> list[str]:
    """The failed checks. Nothing is sent or fetched."""
    skip = [f"--skip-check={','.join(skipped)}"] if skipped else []
    options = ["--skip-download", "--output=json", "--compact", f"--framework={framework}", *skip]
    report = json.loads(output(tool("checkov"), *options, f"--file={file}").stdout)
    assert report["summary"]["passed"] > 0, "checkov looked at nothing"
    return sorted({item["check_id"] for item in report["results"]["failed_checks"]})


@pytest.fixture(params=OVERLAYS, ids=lambda folder: folder.name)
def rendered(request, tmp_path) -> str:
    file = tmp_path / f"{request.param.name}.yaml"
    file.write_text(text(request.param))
    return str(file)


def test_checkov_finds_nothing_in_an_overlay(rendered) -> None:
    assert checkov("kubernetes", rendered, CHECKOV) == []


def test_checkov_finds_nothing_in_the_dockerfile() -> None:
    assert checkov("dockerfile", "Dockerfile", CHECKOV) == []


def test_kube_score_finds_nothing_in_an_overlay(rendered) -> None:
    ignored = [f"--ignore-test={name}" for name in KUBE_SCORE]
    options = ["--ignore-container-cpu-limit", "--output-format=ci", *ignored]
    result = output(kube_score(), "score", *options, rendered)
    assert "[OK]" in result.stdout, result.stderr
    assert [line for line in result.stdout.splitlines() if not line.startswith(("[OK]", "[SKIPPED]"))] == []


def test_every_exception_is_still_needed(tmp_path) -> None:
    found, scored = set(checkov("dockerfile", "Dockerfile")), set()
    for overlay in OVERLAYS:
        file = tmp_path / f"{overlay.name}.yaml"
        file.write_text(text(overlay))
        found |= set(checkov("kubernetes", str(file)))
        scored |= below_full_marks(str(file))
    assert found == set(CHECKOV)
    assert scored == set(KUBE_SCORE)


def below_full_marks(file: str) -> set[str]:
    result = output(kube_score(), "score", "--ignore-container-cpu-limit", "--output-format=json", file)
    checks = [check for item in json.loads(result.stdout) for check in item["checks"]]
    return {check["check"]["id"] for check in checks if not check["skipped"] and check["grade"] < 10}


def test_yamllint_finds_nothing() -> None:
    result = output(tool("yamllint"), "--strict", f"--config-data={YAMLLINT}", "k8s")
    assert (result.returncode, result.stdout) == (0, "")


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    result = output(tool("hadolint"), "Dockerfile")
    assert (result.returncode, result.stdout) == (0, "")


def test_the_linters_see_what_is_wrong(tmp_path) -> None:
    file = tmp_path / "wrong.yaml"
    local = text(ROOT / "k8s" / "overlays" / "local")
    file.write_text(local.replace("readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false"))
    assert checkov("kubernetes", str(file), CHECKOV) == ["CKV_K8S_22"]
    assert "[CRITICAL]" in output(kube_score(), "score", "--output-format=ci", str(file)).stdout
