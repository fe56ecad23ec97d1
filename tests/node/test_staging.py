"""`staging` runs on the nodes, given what the table of its README lists and nothing else."""

import secrets
from collections.abc import Iterator

import pytest

from deploy.cluster.deploy import deploy
from deploy.cluster.kubectl import Kubectl
from tests.manifests.rendered import of_kind
from tests.manifests.users import ROLES, USERS, permissions
from tests.node.cluster import Nodes
from tests.node.disruption import Row, disruption
from tests.node.needs import SERVERS, entry, meet, namespace, put
from tests.node.overlays import SETTINGS, components, staging
from tests.node.service import Service


@pytest.fixture(scope="module")
def service(cluster: Nodes) -> Iterator[Service]:
    """Alone in the cluster with servers of another namespace."""
    cluster.empty()
    passwords = {name: secrets.token_hex(16) for name in (*ROLES, "postgres", "rabbitmq")}
    bring_servers(cluster, passwords)
    found = Service(cluster, host=SETTINGS["ALLOWED_HOSTS"], servers=SERVERS)
    with staging("old") as chosen:
        meet(cluster, chosen, entry(passwords, passwords["postgres"]))
        deploy(Kubectl(chosen.context), chosen, yes=True)
    found.open_books()
    yield found
    cluster.empty()


def bring_servers(cluster: Nodes, passwords: dict[str, str]) -> None:
    """A database, and a broker with a user for each role and its rights, as staging's README wants them."""
    put(cluster, namespace(SERVERS))
    data = {f"{name}-password": passwords[name] for name in ("postgres", "rabbitmq")}
    secret = {"apiVersion": "v1", "kind": "Secret", "stringData": data}
    put(cluster, secret | {"metadata": {"name": "servers", "namespace": SERVERS}})
    with components(SERVERS, "postgres-single", "rabbitmq-single") as folder:
        cluster.apply(folder)
    for name in ("postgres", "rabbitmq"):
        cluster.say("rollout", "status", f"statefulset/{name}", f"--namespace={SERVERS}", "--timeout=300s")
    for role in ROLES:
        make_user(cluster, role, passwords[role])


def make_user(cluster: Nodes, role: str, password: str) -> None:
    tags = [tag for tag in of_kind(USERS, "User")[role]["spec"]["tags"] if tag]
    rights = permissions(role)
    allowed = [rights.get(what, "") for what in ("configure", "write", "read")]
    for command in (
        ["add_user", role, password],
        ["set_user_tags", role, *tags],
        ["set_permissions", "--vhost=switchyard", role, *allowed],
    ):
        cluster.say("exec", f"--namespace={SERVERS}", "rabbitmq-0", "--", "rabbitmqctl", "--quiet", *command)


def test_staging_does_what_it_accepts(service: Service, rows: list[Row]) -> None:
    with disruption(service, rows, "`staging`, and nothing done to it") as row:
        pass
    assert (row.lost, row.effects_twice, row.runs_twice, row.refused, row.letters) == (0, 0, 0, {}, 0), row


def test_every_role_of_staging_is_the_broker_user_that_its_secret_names(service: Service) -> None:
    said = service.at_servers("statefulset/rabbitmq", "rabbitmqctl", "--quiet", "list_connections", "user")
    assert {"worker", "relay"} <= set(said.split()) <= set(ROLES) | {"user"}
