"""Each secret is exchanged under load, in the steps that the page of secrets has (deploy/SECRETS.md)."""

import base64
import json
import secrets

from tests.node.disruption import Row, assert_nothing_shows, disruption
from tests.node.service import Service

OLD, NEW = "old-" * 16, "new-" * 16
SECOND = "second"


def exchange(service: Service, secret: str, restarted: str, **values: str) -> None:
    """Into the Secret, and then into the pods that read it at their start."""
    data = {"stringData": {name.replace("_", "-"): value for name, value in values.items()}}
    service.cluster.say("patch", "secret", secret, "--patch", json.dumps(data))
    service.cluster.say("rollout", "restart", *restarted.split())
    service.until_whole()


def read(service: Service, secret: str) -> dict[str, str]:
    (found,) = service.cluster.get(f"secret/{secret}")
    return {name: base64.b64decode(value).decode() for name, value in found["data"].items()}


def test_a_secret_key_is_exchanged_in_three_steps(service: Service, rows: list[Row]) -> None:
    with disruption(service, rows, "SECRET_KEY exchanged, in three steps") as row:
        for key, fallbacks in ((OLD, NEW), (NEW, OLD), (NEW, "")):
            exchange(service, "switchyard", "deployment/web", secret_key=key, secret_key_fallbacks=fallbacks)
    assert_nothing_shows(row)


def test_the_password_of_the_mail_relay_is_exchanged(service: Service, rows: list[Row]) -> None:
    with disruption(service, rows, "the password of the mail relay exchanged") as row:
        exchange(service, "switchyard", "deployment/worker-io", email_host_password=secrets.token_hex(16))
    assert_nothing_shows(row)


def test_the_brokers_user_is_replaced_by_a_second_one(service: Service, rows: list[Row]) -> None:
    first, password = "switchyard", secrets.token_hex(16)
    with disruption(service, rows, "the broker's user replaced by a second one, and deleted") as row:
        for command in (
            ["add_user", SECOND, password],
            ["set_user_tags", SECOND, "administrator"],
            ["set_permissions", "--vhost=switchyard", SECOND, ".*", ".*", ".*"],
        ):
            rabbitmqctl(service, *command)
        urls = read(service, "switchyard-broker")
        anew = {name: replaced(url, first, password) for name, url in urls.items()}
        exchange(service, "switchyard-broker", "deployment", **anew)
        assert set(rabbitmqctl(service, "list_connections", "user").split()) == {"user", SECOND}
        rabbitmqctl(service, "delete_user", first)
    assert_nothing_shows(row)


def rabbitmqctl(service: Service, *command: str) -> str:
    return service.at_servers("statefulset/rabbitmq", "rabbitmqctl", "--quiet", *command)


def test_the_databases_login_is_replaced_by_a_second_one(service: Service, rows: list[Row]) -> None:
    first, password = "switchyard", secrets.token_hex(16)
    with disruption(service, rows, "the database's login replaced by a second one, and closed") as row:
        psql(service, f"CREATE ROLE {SECOND} LOGIN PASSWORD '{password}' IN ROLE {first}")
        psql(service, f"ALTER ROLE {SECOND} SET role TO {first}")
        url = replaced(read(service, "switchyard")["database-url"], first, password)
        exchange(service, "switchyard", "deployment", database_url=url)
        # Not NOLOGIN: it is the server's own superuser too, which nobody else could make anew.
        psql(service, f"ALTER ROLE {first} PASSWORD NULL")
        assert psql(service, LOGINS) == SECOND
    assert_nothing_shows(row)


LOGINS = (
    "SELECT string_agg(DISTINCT usename, ' ') FROM pg_stat_activity "
    "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
)


def psql(service: Service, statement: str) -> str:
    command = ["psql", "--username=switchyard", "--tuples-only", "--no-align", f"--command={statement}"]
    return service.at_servers("statefulset/postgres", *command).strip()


def replaced(url: str, first: str, password: str) -> str:
    """The second one's, at the same place."""
    scheme, _, rest = url.partition(f"://{first}:")
    return f"{scheme}://{SECOND}:{password}@{rest.partition('@')[2]}"
