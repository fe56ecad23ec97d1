"""The manifests say what the code says; and each way of not doing so is seen."""

import re
from collections.abc import Callable
from copy import deepcopy

import pytest

from deploy.cluster.engine import ROOT
from deploy.local.node import ADVANCED
from tests.manifests import agreement
from tests.manifests.agreement import documented
from tests.manifests.folders import OVERLAYS, combined
from tests.manifests.queue_manifests import scalers
from tests.manifests.rendered import Document, container, documents, of_kind, pod

BY_NAME = {folder.name: folder for folder in OVERLAYS}


def scaled_by_hpa() -> list[Document]:
    with combined(("autoscaling-hpa",)) as folder:
        return deepcopy(documents(folder))


def production() -> list[Document]:
    return deepcopy(documents(BY_NAME["production"]))


@pytest.mark.parametrize("name", BY_NAME)
def test_an_overlay_says_what_the_code_says(name) -> None:
    assert [*agreement.everything(documents(BY_NAME[name]), documented())] == []


def test_every_documented_secret_key_is_used_somewhere() -> None:
    used = {pair for folder in OVERLAYS for pair in agreement.used_keys(documents(folder))}
    assert used == {(name, key) for name, keys in documented().items() for key in keys}


def test_the_clusters_broker_is_configured_as_the_one_that_is_tested() -> None:
    [broker] = of_kind(production(), "RabbitmqCluster").values()
    assert broker["spec"]["rabbitmq"]["advancedConfig"] == ADVANCED


def test_each_queue_has_a_scaler() -> None:
    assert [*scalers(production(), "ScaledObject")] == []
    assert [*scalers(scaled_by_hpa(), "HorizontalPodAutoscaler")] == []


@pytest.mark.parametrize("name", ["local", "production"])
def test_the_database_takes_every_connection_that_there_may_be(name) -> None:
    assert [*agreement.connections(documents(BY_NAME[name]))] == []


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


def another_depth(found: list[Document]) -> None:
    of_kind(found, "ScaledObject")["worker-io"]["spec"]["triggers"][0]["metadata"]["value"] = "50"


def no_memory_limit(found: list[Document]) -> None:
    del container(of_kind(found, "Deployment")["worker-io"])["resources"]["limits"]


def stranger(found: list[Document]) -> None:
    worker = deepcopy(of_kind(found, "Deployment")["worker-io"])
    worker["metadata"] |= {"name": "worker-old"}
    worker["metadata"]["labels"]["switchyard/queue"] = "old"
    found.append(worker)


def fewer_rights(found: list[Document]) -> None:
    allowed = of_kind(found, "Permission")["worker"]["spec"]["permissions"]
    allowed["read"] = allowed["read"].replace("|cpu|", "|")


def no_dead_letters(found: list[Document]) -> None:
    of_kind(found, "Permission")["operator"]["spec"]["permissions"]["read"] = "^$"


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


@pytest.mark.parametrize(
    ("breaks", "said"),
    [
        (no_worker, "The queue cpu has no worker: make k8s/base/worker-cpu/kustomization.yaml"),
        (no_budget, "worker-io has no PodDisruptionBudget: `- ../worker` under resources"),
        (
            no_scaler,
            "No ScaledObject for the worker of io: make k8s/components/autoscaling-keda/worker-io.yaml",
        ),
        (another_queue, "does not look at its queue: put `queueName: io` in"),
        (another_objective, "cpu is scaled for a wait of 60 s"),
        (
            another_depth,
            'has 100 slots: put `value: "200"` in k8s/components/autoscaling-keda/worker-io.yaml',
        ),
        (no_memory_limit, "worker-io does not say what it takes"),
        (stranger, "worker-old is for a queue that app/queues.py does not have: delete k8s/base/worker-old"),
        (fewer_rights, "it lacks the right to read cpu. Put `read: '^(tasks|io|celery_delayed_.+|"),
        (no_dead_letters, r"it lacks the right to read io.dead. Put `read: '^(io\.dead)$|^$'` into"),
        (kept_replicas, "worker-io keeps a number of replicas"),
        (
            short_grace,
            "a hard limit of 600 s: put `terminationGracePeriodSeconds: 660` into k8s/base/worker-cpu",
        ),
        (long_grace, "the consumer timeout of 1800 s is within the grace of 1800 s"),
        (many_replicas, "max_connections is 420"),
        (another_port, "('relay', 'metrics'): 9810"),
        (unread_variable, "WEB_THREAD is given, but app/settings.py does not read it"),
        (missing_variable, "LOG_LEVEL is neither given nor left for a reason"),
        (no_credentials, "The broker user relay lacks ['password', 'username'] of its Secret"),
        (
            undocumented_key,
            "The key publisher of the Secret switchyard-broker is not in the table of deploy/SECRETS.md",
        ),
    ],
)
def test_a_disagreement_is_seen(breaks: Callable[[list[Document]], None], said: str) -> None:
    found = production()
    breaks(found)
    sentences = [*agreement.everything(found, documented())]
    assert any(said in sentence for sentence in sentences), sentences
