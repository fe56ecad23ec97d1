"""Every secret can be exchanged while all goes on, in the steps that the README names."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import psycopg
import pytest

from tests.faults.checker import verdict
from tests.faults.ledger.models import Effect
from tests.faults.services import all_done
from tests.live.processes import eventually
from tests.manifests.users import ROLES, Users
from tests.rollout.cluster import Cluster
from tests.rollout.load import Load
from tests.rollout.service import Service
from tests.rollout.visitor import Visitor, logged_in

OLD, NEW = "old-" * 16, "new-" * 16


def restart(cluster: Cluster, *names: str) -> None:
    """As ``kubectl rollout restart``."""
    cluster.apply("old", *names)
    cluster.until_rolled()


def set_keys(cluster: Cluster, key: str, fallbacks: str) -> None:
    cluster.set_secret("switchyard", "secret-key", key)
    cluster.set_secret("switchyard", "secret-key-fallbacks", fallbacks)
    restart(cluster, "web")


@pytest.fixture
def visitor(cluster: Cluster, service: Service, settings: Any) -> Visitor:
    """Logged in under the old key, which is web's only one."""
    cluster.run_job("release", "old")
    set_keys(cluster, OLD, "")
    settings.SECRET_KEY = OLD
    return Visitor(service.url, cluster.host, logged_in())


def test_a_secret_key_is_exchanged_in_three_steps_and_nobody_is_logged_out(
    cluster: Cluster, service: Service, visitor: Visitor
) -> None:
    away = [Visitor(service.url, cluster.host, logged_in()) for _ in range(2)]
    with visitor:
        set_keys(cluster, OLD, NEW)
        set_keys(cluster, NEW, OLD)
        assert away[0].is_known(), "a session of the old key is good while that is a fallback"
        set_keys(cluster, NEW, "")
    assert visitor.answers > 10
    assert visitor.logged_out == 0
    assert visitor.is_known()
    assert away[0].is_known()
    assert not away[1].is_known(), "a session that was not seen since has ended with the old key"
    assert cluster.complaints() == cluster.bad_ends() == []


def test_control_a_secret_key_that_old_pods_do_not_know_logs_people_out(
    cluster: Cluster, visitor: Visitor
) -> None:
    """A new pod signs the session anew, and the next request is an old pod's."""
    with visitor:
        set_keys(cluster, NEW, OLD)
    assert visitor.logged_out > 0


@pytest.fixture
def second(users: Users) -> Iterator[Users]:
    second = Users(users.vhost, "second")
    yield second
    second.delete()


def test_a_second_broker_user_takes_over_under_load_and_the_first_is_deleted(
    cluster: Cluster, service: Service, users: Users, second: Users
) -> None:
    cluster.run_job("release", "old")
    cluster.apply("old", "web", "relay", "worker-io", "worker-cpu", "exporter")
    cluster.until_rolled()
    with Load(service.url, cluster.host, per_second=10) as load:
        second.make()
        for role in ROLES:
            cluster.set_secret("switchyard-broker", role, second.url(role))
        restart(cluster, "relay", "worker-io", "worker-cpu", "exporter")
        assert connected(users) == set()
        users.delete()
        goes_on(load)
    assert connected(second) == {second.named("relay"), second.named("worker")}
    assert_all_once(cluster, load)


def connected(users: Users) -> set[str]:
    """Those of them that the broker has a connection of."""
    with httpx.Client(base_url=users.vhost.management_url, timeout=30) as management:
        found = management.get(f"/api/vhosts/{users.vhost.name}/connections").raise_for_status().json()
    return {item["user"] for item in found} & {users.named(role) for role in ROLES}


def goes_on(load: Load) -> None:
    """Until another fifty tasks that were sent from now on are done."""
    before = set(load.accepted)
    eventually(lambda: len(load.accepted) >= len(before) + 50)
    later = set(load.accepted) - before
    eventually(lambda: later <= set(Effect.objects.values_list("key", flat=True)))


def assert_all_once(cluster: Cluster, load: Load) -> None:
    assert load.failed == {}
    all_done(load.accepted)
    found = verdict()
    assert (found.lost, found.phantom, found.repeated_effects, found.repeated_runs) == ([], [], [], [])
    assert cluster.complaints() == cluster.bad_ends() == []


@pytest.fixture
def logins(environment: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Two URLs of the test's database, each of a login role that becomes the owner when it connects."""
    url = environment["DATABASE_URL"]
    owner, names = urlsplit(url).username, [f"login_{uuid4().hex[:8]}" for _ in range(2)]
    with psycopg.connect(url, autocommit=True) as link:
        for name in names:
            link.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'only-for-tests' IN ROLE {owner}")
            link.execute(f"ALTER ROLE {name} SET role TO {owner}")
        yield as_user(url, names[0]), as_user(url, names[1])
        for name in names:
            link.execute(f"DROP ROLE {name}")


def as_user(url: str, name: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=f"{name}:only-for-tests@{parts.hostname}:{parts.port}").geturl()


def test_a_second_database_login_takes_over_under_load_and_owns_what_the_first_has_made(
    cluster: Cluster, service: Service, logins: tuple[str, str], environment: dict[str, str]
) -> None:
    first, second = logins
    cluster.set_secret("switchyard", "database-url", first)
    cluster.run_job("release", "old")
    names = ("web", "relay", "worker-io", "worker-cpu", "beat")
    cluster.apply("old", *names)
    cluster.until_rolled()
    with psycopg.connect(first, autocommit=True) as link:
        link.execute("CREATE TABLE made_by_the_first (id int)")
    with Load(service.url, cluster.host, per_second=10) as load:
        cluster.set_secret("switchyard", "database-url", second)
        restart(cluster, *names)
        with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as link:
            link.execute(f"ALTER ROLE {urlsplit(first).username} NOLOGIN")
        goes_on(load)
    with psycopg.connect(second, autocommit=True) as link:
        link.execute("ALTER TABLE made_by_the_first ADD COLUMN another int")
        link.execute("DROP TABLE made_by_the_first")
    assert_all_once(cluster, load)
