"""A cluster of processes with the overlay ``staging``: like production, its servers somebody else's."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from tests.live.broker import Vhost
from tests.live.conftest import environment, vhost
from tests.manifests.conftest import users
from tests.manifests.users import ROLES, Users
from tests.rollout.cluster import Cluster
from tests.rollout.service import Service

__all__ = ["environment", "users", "vhost"]


@pytest.fixture
def cluster(
    users: Users,
    vhost: Vhost,
    environment: dict[str, str],
    tmp_path: Path,
) -> Iterator[Cluster]:
    """Nothing runs in it yet."""
    secrets = {
        "switchyard": {
            "secret-key": uuid4().hex * 2,
            "secret-key-fallbacks": "",
            "database-url": environment["DATABASE_URL"],
            "email-host-password": "",
        },
        "switchyard-broker": {role: users.url(role) for role in ROLES},
    }
    port = urlsplit(vhost.management_url).port
    assert port
    cluster = Cluster("staging", tmp_path, secrets, port)
    yield cluster
    cluster.end()


@pytest.fixture
def service(cluster: Cluster) -> Iterator[Service]:
    """The Service ``web``, of whatever pods it has."""
    service = Service(lambda: cluster.deployments["web"].pods, "http")
    yield service
    service.close()
