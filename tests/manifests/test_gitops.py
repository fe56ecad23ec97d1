"""Argo CD and Flux bring `release` to its end before any role, and apply the overlay, whole and once."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from tests.manifests.cases import plain
from tests.manifests.folders import OVERLAYS
from tests.manifests.rendered import K8S, Document, documents, text
from tests.manifests.test_schemas import problems

GITOPS = K8S / "gitops"
RELEASE, ROLES = yaml.safe_load_all((GITOPS / "flux.yaml").read_text())
(PRODUCTION,) = (folder for folder in OVERLAYS if folder.name == "production")


def applied(step: Document) -> dict[tuple[str, str], Document]:
    """What Flux makes of the overlay: it adds the patches of the step to it, as Kustomize does."""
    with TemporaryDirectory(dir=K8S.parent / ".local") as scratch:
        resources = [os.path.relpath(PRODUCTION, scratch)]
        written = yaml.safe_dump({"resources": resources, "patches": step["spec"]["patches"]})
        (Path(scratch) / "kustomization.yaml").write_text(written)
        return plain(yaml.safe_load_all(text(Path(scratch))))


def test_flux_knows_every_field_of_the_release_of_the_chart() -> None:
    assert problems(yaml.safe_load((GITOPS / "flux-helm.yaml").read_text())) == []


def test_both_steps_of_flux_are_the_overlay_each_resource_in_one_of_them() -> None:
    first, second, whole = applied(RELEASE), applied(ROLES), plain(documents(PRODUCTION))
    assert first.keys() | second.keys() == whole.keys()
    assert first.keys() & second.keys() == set()
    assert {key: item for key, item in second.items() if item != whole[key]} == {}
    assert {key for key, item in first.items() if item != whole[key]} == {
        ("Job", "release"),
        ("ConfigMap", "settings"),
    }


def test_flux_rolls_no_role_before_the_release_has_succeeded_and_runs_it_once_a_change() -> None:
    first = applied(RELEASE)
    assert {kind for kind, _ in first} & {"Deployment"} == set()
    assert ROLES["spec"]["dependsOn"] == [{"name": RELEASE["metadata"]["name"]}]
    (checked,) = RELEASE["spec"]["healthChecks"]
    job = first[checked["kind"], checked["name"]]
    assert checked["namespace"] == job["metadata"]["namespace"]
    # Gone after an hour, it would be made again at the next look.
    assert "ttlSecondsAfterFinished" not in job["spec"]
    assert int(RELEASE["spec"]["timeout"].removesuffix("m")) * 60 > job["spec"]["activeDeadlineSeconds"]


def test_argo_cd_makes_the_job_anew_at_each_sync_and_takes_old_settings_away_last() -> None:
    application = yaml.safe_load((GITOPS / "argo-cd.yaml").read_text())
    assert "PruneLast=true" in application["spec"]["syncPolicy"]["syncOptions"]
    job = plain(documents(PRODUCTION))["Job", "release"]
    assert job["metadata"]["annotations"] == {
        "argocd.argoproj.io/hook": "Sync",
        "argocd.argoproj.io/hook-delete-policy": "BeforeHookCreation",
    }
