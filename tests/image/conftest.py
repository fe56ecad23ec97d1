"""The built image, and what its roles need: a database, a vhost, and the Secrets' keys as files."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from deploy.cluster.engine import Engine, choose_engine, full_name
from deploy.local.errors import LocalError
from deploy.local.postgres import Postgres
from deploy.local.rabbitmq import Broker
from tests.image.containers import Containers
from tests.live.broker import own_vhost
from tests.live.projects import own_database

TAG = full_name("switchyard:test")


@pytest.fixture(scope="session")
def engine() -> Engine:
    """Skipped on a laptop without one; a failure in CI."""
    try:
        found = choose_engine()
    except LocalError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    assert found.runs, "buildah alone runs no image: install podman, and runc or crun."
    return found


@pytest.fixture(scope="session")
def image(engine: Engine) -> str:
    """Its name, freshly built."""
    engine.build(TAG, "test")
    return TAG


@pytest.fixture(scope="module")
def containers(
    engine: Engine, image: str, postgres: Postgres, broker: Broker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Containers]:
    """Starts roles of the image in a database and vhost of their own."""
    with own_database(postgres) as database, own_vhost(broker) as vhost:
        urls = {"database-url": database, "broker-url": vhost.url}
        folder = secrets(tmp_path_factory.mktemp("secrets"), urls)
        started = Containers(engine, image, folder, broker.management_url)
        yield started
        started.end()


def secrets(folder: Path, urls: dict[str, str]) -> Path:
    """The files that the two Secrets become in a pod, readable by the image's user as a mount's are."""
    values = {
        "switchyard/secret-key": uuid4().hex * 2,
        "switchyard/secret-key-fallbacks": "",
        "switchyard/database-url": urls["database-url"],
        "switchyard/email-host-password": "",
        "broker/url": urls["broker-url"],
    }
    for name, value in values.items():
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(value)
    return folder
