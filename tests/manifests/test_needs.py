"""Each overlay's README lists what it needs and does not bring: no more and no less."""

import pytest

from deploy.cluster.missing import CHECKS
from deploy.cluster.needs import Need, needs, told
from deploy.cluster.overlay import overlay
from deploy.cluster.references import config_maps, secrets
from tests.manifests.folders import OVERLAYS
from tests.manifests.rendered import Document, documents

NAMES = [folder.name for folder in OVERLAYS]


@pytest.mark.parametrize("name", NAMES)
def test_an_overlays_readme_lists_what_it_needs_and_how_that_comes_there(name) -> None:
    listed = told(overlay(name))
    assert [*listed] == needs(documents(overlay(name).folder))
    assert [str(need) for need, how in listed.items() if not how] == []


@pytest.mark.parametrize("name", NAMES)
def test_whatever_an_overlay_needs_is_asked_for_before_it_is_applied(name) -> None:
    assert {need.kind for need in needs(documents(overlay(name).folder))} <= set(CHECKS)


def test_what_another_resource_brings_is_not_needed() -> None:
    found = [pod(volumes=[{"name": "a", "secret": {"secretName": "made", "items": [{"key": "in"}]}}])]
    assert needs(found) == [Need("Secret", "made", ("in",))]
    brought = {"data": [{"secretKey": "other"}], "target": {"name": "made"}}
    external = {"kind": "ExternalSecret", "apiVersion": "v1", "metadata": {"name": "x"}}
    store = {"secretStoreRef": {"kind": "ClusterSecretStore", "name": "store"}}
    brought["data"] = [{"secretKey": key, "remoteRef": {"property": key}} for key in ("in", "other")]
    found.append(pod(imagePullSecrets=[{"name": "made"}]))
    assert needs([*found, external | {"spec": brought | store}]) == [
        Need("ClusterSecretStore", "store", ("in", "other"))
    ]


def pod(**spec: object) -> Document:
    template = {"template": {"spec": spec}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}, "spec": template}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"volumes": [{"name": "a", "secret": {"secretName": "s"}}]}, ("s", "")),
        ({"volumes": [{"name": "a", "projected": {"sources": [{"secret": {"name": "s"}}]}}]}, ("s", "")),
        ({"imagePullSecrets": [{"name": "s"}]}, ("s", "")),
        ({"containers": [{"envFrom": [{"secretRef": {"name": "s"}}]}]}, ("s", "")),
        ({"containers": [{"env": [{"valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]}]}, ("s", "k")),
        ({"initContainers": [{"envFrom": [{"secretRef": {"name": "s"}}]}]}, ("s", "")),
    ],
)
def test_every_way_of_a_pod_to_refer_to_a_secret_is_seen(spec: Document, expected: tuple[str, str]) -> None:
    assert secrets(pod(**spec)) == {expected}


def test_a_config_map_is_seen_and_what_is_optional_is_no_need() -> None:
    assert config_maps(pod(containers=[{"envFrom": [{"configMapRef": {"name": "c"}}]}])) == {("c", "")}
    optional = {"name": "a", "secret": {"secretName": "s", "optional": True}}
    assert secrets(pod(volumes=[optional])) == set()


def test_a_gateway_of_another_namespace_is_looked_for_there() -> None:
    route = {"apiVersion": "apps/v1", "kind": "HTTPRoute", "metadata": {"name": "web"}}
    spec = {"parentRefs": [{"name": "shared", "namespace": "edge"}]}
    assert needs([route | {"spec": spec}]) == [Need("Gateway", "edge/shared")]
