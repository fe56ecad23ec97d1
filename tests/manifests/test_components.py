"""What an operator changes within the first hour is a value or a component, and changes nothing else."""

import pytest
import yaml

from switchyard.routing import QUEUES
from tests.manifests.cases import CASES, DIGEST, Case, built, changes, kustomized, workload
from tests.manifests.folders import COMPONENTS
from tests.manifests.rendered import K8S, container, of_kind, pod


@pytest.mark.parametrize("name", CASES)
def test_it_changes_what_it_is_for_and_nothing_else(name) -> None:
    assert changes(built("nothing"), built(name)) == CASES[name].changes


def test_the_image_is_pulled_by_its_digest_with_the_secret_of_its_registry() -> None:
    for role in ("web", "release"):
        found = workload(built("registry"), role)
        assert container(found)["image"] == f"our.registry/switchyard@{DIGEST}"
        assert pod(found)["imagePullSecrets"] == [{"name": "registry"}]


def test_a_secret_for_a_role_is_read_after_the_one_for_all_and_both_after_the_settings() -> None:
    """The last one wins. One that is not there holds no pod up."""
    sources = container(workload(built("extra environment"), "worker-io"))["envFrom"]
    assert [source["secretRef"]["name"] for source in sources[1:]] == ["environment", "environment-worker"]
    assert all(source["secretRef"]["optional"] for source in sources[1:])


def test_every_pod_is_spread_by_the_nodes_and_the_zones_as_far_as_there_is_room() -> None:
    for role in ("web", "relay", "worker-io"):
        spread = pod(workload(built("zones and nodes of their own"), role))["topologySpreadConstraints"]
        assert {item["topologyKey"] for item in spread} == {
            "kubernetes.io/hostname",
            "topology.kubernetes.io/zone",
        }
        assert {item["whenUnsatisfiable"] for item in spread} == {"ScheduleAnyway"}


@pytest.mark.parametrize("queue", QUEUES)
def test_each_queues_workers_may_have_nodes_of_their_own(queue) -> None:
    found = pod(workload(built("zones and nodes of their own"), f"worker-{queue}"))
    assert found["nodeSelector"] == {"switchyard/queue": queue}
    assert [item["value"] for item in found["tolerations"]] == [queue]


def test_argo_cd_ends_the_release_before_any_role_or_scaler() -> None:
    found = [
        item for item in built("Argo CD") if item["kind"] in {"Deployment", "HorizontalPodAutoscaler", "Job"}
    ]
    waves = {
        (item["kind"], item["metadata"]["annotations"].get("argocd.argoproj.io/sync-wave", "0"))
        for item in found
    }
    assert waves == {("Deployment", "1"), ("HorizontalPodAutoscaler", "1"), ("Job", "0")}


def test_every_volume_of_the_servers_has_the_storage_class() -> None:
    fast = {"STORAGE_CLASS": "fast"}
    single = kustomized(Case(components=("rabbitmq-single", "postgres-single"), values=fast))
    claims = [item["spec"]["volumeClaimTemplates"] for item in of_kind(single, "StatefulSet").values()]
    assert [claim["spec"]["storageClassName"] for (claim,) in claims] == ["fast", "fast"]
    cluster = kustomized(Case(components=("rabbitmq", "postgres"), values=fast))
    assert of_kind(cluster, "Cluster")["postgres"]["spec"]["storage"]["storageClass"] == "fast"
    assert (
        of_kind(cluster, "RabbitmqCluster")["rabbitmq"]["spec"]["persistence"]["storageClassName"] == "fast"
    )


def test_a_pooler_stands_between_the_roles_and_the_cluster_and_is_let_through() -> None:
    before = kustomized(Case(components=("postgres",)))
    after = kustomized(Case(components=("postgres", "postgres-pooler")))
    ways = {"allow-app-to-pooler", "allow-pooler-to-postgres", "allow-pooler-into-postgres"}
    assert changes(before, after) == {
        "new": {"postgres-pooler", *ways},
        "data.DISABLE_SERVER_SIDE_CURSORS": {"settings"},
    }
    (pooler,) = of_kind(after, "Pooler").values()
    assert pooler["spec"]["pgbouncer"]["poolMode"] == "transaction"
    pods = int(pooler["spec"]["instances"]) * int(
        pooler["spec"]["pgbouncer"]["parameters"]["default_pool_size"]
    )
    (cluster,) = of_kind(after, "Cluster").values()
    assert pods < int(cluster["spec"]["postgresql"]["parameters"]["max_connections"])
    roles = of_kind(before, "NetworkPolicy")["allow-app-to-postgres"]["spec"]["podSelector"]
    (rule,) = of_kind(after, "NetworkPolicy")["allow-app-to-pooler"]["spec"]["ingress"]
    assert rule["from"] == [{"podSelector": roles}]


def test_the_admins_pages_are_reached_by_a_gateway_of_their_own_alone() -> None:
    routes = of_kind(built("KEDA and a Gateway"), "HTTPRoute")
    rest, closed = routes["web"]["spec"]["rules"]
    assert closed["matches"] == [{"path": {"type": "PathPrefix", "value": "/admin"}}]
    assert "backendRefs" not in closed
    assert "backendRefs" in rest
    assert routes["admin"]["spec"]["parentRefs"] == [{"name": "switchyard-admin"}]


def test_mail_leaves_on_each_port_of_mail_inside_and_outside() -> None:
    policies = of_kind(built("an Ingress, mail, PgBouncer and operations"), "NetworkPolicy")
    for name in ("allow-io-to-internet", "allow-io-to-mail-relay"):
        (rule,) = policies[name]["spec"]["egress"]
        assert {25, 465, 587} <= {port["port"] for port in rule["ports"]}


def test_a_drain_is_not_held_up_by_a_broker_node_that_is_not_ready() -> None:
    budget = yaml.safe_load((K8S / "components" / "rabbitmq" / "pdb.yaml").read_text())
    assert budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def test_what_there_is_one_of_is_not_evicted_before_a_worker() -> None:
    first = {
        role
        for role in ("beat", "relay", "exporter")
        if "priorityClassName" in pod(workload(built("nothing"), role))
    }
    assert first == {"beat", "relay", "exporter"}


@pytest.mark.parametrize("folder", sorted((K8S / "values").glob("*/")), ids=lambda folder: folder.name)
def test_a_value_opens_with_what_it_sets_and_is_in_the_table(folder) -> None:
    first, second, *_ = (folder / "kustomization.yaml").read_text().splitlines()
    assert first.startswith("# Sets ")
    assert second.startswith("# Takes ")
    assert f"| `{folder.name}` |" in (K8S / "values" / "README.md").read_text()


def test_every_component_of_the_first_hour_says_more_in_a_readme() -> None:
    used = {name for case in CASES.values() for name in case.components}
    told = {folder.name for folder in COMPONENTS if (folder / "README.md").is_file()}
    older = {"autoscaling-keda", "ingress", "io-to-cluster", "monitoring", "operations", "tls-broker"}
    assert used - told == older
