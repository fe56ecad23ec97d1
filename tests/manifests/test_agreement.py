"""The manifests say what the code says; and each way of not doing so is seen."""

import re
from collections.abc import Callable, Iterable
from copy import deepcopy

import pytest

from deploy.cluster.engine import ROOT
from tests.manifests import agreement
from tests.manifests.folders import OVERLAYS, combined
from tests.manifests.rendered import Document, container, documents, of_kind, pod

SECRETS = (ROOT / "deploy" / "SECRETS.md").read_text()
BY_NAME = {folder.name: folder for folder in OVERLAYS}


def documented() -> dict[str, set[str]]:
    """Secret to its keys, of the README's table."""
    table = SECRETS
    rows = [line.split("|") for line in table.splitlines() if line.startswith("| `")]
    found: dict[str, set[str]] = {}
    for _, names, keys, *_ in rows:
        for name in re.findall(r"`([\w-]+)`", names):
            found.setdefault(name, set()).update(re.findall(r"`([\w-]+)`", keys))
    return found


def scaled_by_hpa() -> list[Document]:
    with combined(("autoscaling-hpa",)) as folder:
        return deepcopy(documents(folder))


def production() -> list[Document]:
    return deepcopy(documents(BY_NAME["production"]))


@pytest.mark.parametrize("name", BY_NAME)
def test_an_overlay_says_what_the_code_says(name) -> None:
    found = documents(BY_NAME[name])
    said = [
        *agreement.queues(found),
        *agreement.limits(found),
        *agreement.ports(found),
        *agreement.variables(found),
        *agreement.secret_keys(found, documented()),
        *agreement.broker_users(found),
    ]
    assert said == []


def test_every_documented_secret_key_is_used_somewhere() -> None:
    used = {pair for folder in OVERLAYS for pair in agreement.used_keys(documents(folder))}
    assert used == {(name, key) for name, keys in documented().items() for key in keys}


def test_each_queue_has_a_scaler() -> None:
    assert [*agreement.scalers(production(), "ScaledObject")] == []
    assert [*agreement.scalers(scaled_by_hpa(), "HorizontalPodAutoscaler")] == []


@pytest.mark.parametrize("name", ["local", "production"])
def test_the_database_takes_every_connection_that_there_may_be(name) -> None:
    found = documents(BY_NAME[name])
    assert [*agreement.connections(found, agreement.database_limit(found))] == []


def test_only_the_metrics_that_exist_are_scaled_by() -> None:
    source = (ROOT / "deploy" / "prometheus" / "METRICS.md").read_text()
    readme = (ROOT / "k8s" / "components" / "autoscaling-hpa" / "README.md").read_text()
    names = set(re.findall(r"switchyard_queue_messages_\w+", readme))
    assert names
    assert [name for name in sorted(names) if name not in source] == []


def no_worker(found: list[Document]) -> None:
    found.remove(of_kind(found, "Deployment")["worker-cpu"])


def no_budget(found: list[Document]) -> None:
    found.remove(of_kind(found, "PodDisruptionBudget")["worker-io"])


def no_scaler(found: list[Document]) -> None:
    found.remove(of_kind(found, "ScaledObject")["worker-io"])


def another_queue(found: list[Document]) -> None:
    for trigger in of_kind(found, "ScaledObject")["worker-io"]["spec"]["triggers"]:
        trigger["metadata"]["queueName"] = "cpu"


def another_objective(found: list[Document]) -> None:
    of_kind(found, "ScaledObject")["worker-cpu"]["spec"]["triggers"][1]["metadata"]["value"] = "60"


def kept_replicas(found: list[Document]) -> None:
    of_kind(found, "Deployment")["worker-io"]["spec"]["replicas"] = 3


def short_grace(found: list[Document]) -> None:
    pod(of_kind(found, "Deployment")["worker-cpu"])["terminationGracePeriodSeconds"] = 600


def long_grace(found: list[Document]) -> None:
    pod(of_kind(found, "Deployment")["worker-io"])["terminationGracePeriodSeconds"] = 1800


def many_replicas(found: list[Document]) -> None:
    of_kind(found, "ScaledObject")["worker-io"]["spec"]["maxReplicaCount"] = 40


def another_port(found: list[Document]) -> None:
    container(of_kind(found, "Deployment")["relay"])["ports"][0]["containerPort"] = 9810


def unread_variable(found: list[Document]) -> None:
    container(of_kind(found, "Deployment")["web"])["env"].append({"name": "WEB_THREAD", "value": "4"})


def missing_variable(found: list[Document]) -> None:
    for name, item in of_kind(found, "ConfigMap").items():
        if name.startswith("settings-"):
            del item["data"]["LOG_LEVEL"]


def undocumented_key(found: list[Document]) -> None:
    volumes = {volume["name"]: volume for volume in pod(of_kind(found, "Deployment")["relay"])["volumes"]}
    volumes["broker"]["secret"]["items"][0]["key"] = "publisher"


def no_credentials(found: list[Document]) -> None:
    found.remove(of_kind(found, "ExternalSecret")["broker-user-relay"])


def everything(found: list[Document]) -> Iterable[str]:
    yield from agreement.queues(found)
    yield from agreement.scalers(found, "ScaledObject")
    yield from agreement.limits(found)
    yield from agreement.connections(found, agreement.database_limit(found))
    yield from agreement.ports(found)
    yield from agreement.variables(found)
    yield from agreement.secret_keys(found, documented())
    yield from agreement.broker_users(found)


@pytest.mark.parametrize(
    ("breaks", "said"),
    [
        (no_worker, "Deployments for the queues ['io']"),
        (no_budget, "PodDisruptionBudgets for the queues ['cpu']"),
        (no_scaler, "No ScaledObject for the worker of io"),
        (another_queue, "does not look at its queue"),
        (another_objective, "cpu is scaled for a wait of 60 s"),
        (kept_replicas, "worker-io keeps a number of replicas"),
        (short_grace, "worker-cpu has 600 s of grace for a hard limit of 600 s"),
        (long_grace, "the consumer timeout of 1800 s is within the grace of 1800 s"),
        (many_replicas, "max_connections is 400"),
        (another_port, "('relay', 'metrics'): 9810"),
        (unread_variable, "WEB_THREAD is given, but app/settings.py does not read it"),
        (missing_variable, "LOG_LEVEL is neither given nor left for a reason"),
        (no_credentials, "The broker user relay lacks ['password', 'username'] of its Secret"),
        (undocumented_key, "The key publisher of the Secret switchyard-broker is not in the README"),
    ],
)
def test_a_disagreement_is_seen(breaks: Callable[[list[Document]], None], said: str) -> None:
    found = production()
    assert not any(said in sentence for sentence in everything(found))
    breaks(found)
    assert any(said in sentence for sentence in everything(found)), [*everything(found)]
