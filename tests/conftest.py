"""The servers of a test run: started on first use, private to the run, ended with it."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dj_database_url
import pytest
from django.db import connection, connections
from hypothesis import settings as hypothesis_settings

from deploy.local.postgres import Postgres, start_postgres
from deploy.local.rabbitmq import Broker, start_broker
from tests.faults.ledger import tasks as ledger_tasks  # noqa: F401 - so that app.tasks has them by name
from tests.gallery import tasks  # noqa: F401
from tests.pgbouncer import PgBouncer
from tests.settings import GIVEN

pytest_plugins = ["switchyard.pytest_plugin"]

# Hypothesis' deadline for an example is 200 ms of a wall clock, which a busy machine misses.
hypothesis_settings.register_profile("busy machine", deadline=None)
hypothesis_settings.load_profile("busy machine")

RUNS = Path(__file__).resolve().parent.parent / ".local" / "test"


#: A run of its own, which takes longer than any file: what begins with it does not wait for it at the end.
LONGEST = "test_example.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, then as they stand: those that wait before those that compute."""
    items.sort(key=lambda item: item.path.name != LONGEST)


@pytest.fixture(autouse=True)
def static_files(settings: Any, tmp_path: Path) -> None:
    """whitenoise warns of a folder that `collectstatic` has not made yet."""
    settings.STATIC_ROOT = str(tmp_path)


@pytest.fixture(scope="session")
def home() -> Iterator[Path]:
    """A folder of this run's own, so that two runs in one checkout do not share a server."""
    folder = RUNS / f"run-{os.getpid()}"
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def given_environment() -> Iterator[None]:
    """The caller's own BROKER_URL and DATABASE_URL, without the placeholders of tests/settings.py."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in GIVEN.items():
            patch.setenv(name, value) if value else patch.delenv(name, raising=False)
        yield


@pytest.fixture(scope="session")
def postgres(home: Path, given_environment: None) -> Iterator[Postgres]:
    with start_postgres(home / "postgres") as server:
        yield server


@pytest.fixture(scope="session")
def broker(home: Path, given_environment: None) -> Iterator[Broker]:
    with start_broker(home / "rabbitmq", log=home / "rabbitmq.log") as server:
        yield server


@pytest.fixture(scope="session")
def django_db_modify_db_settings(postgres: Postgres) -> None:
    """Point Django at the run's database before pytest-django makes the test database in it."""
    engine = connections.databases["default"]["ENGINE"]
    connections.databases["default"].update(dj_database_url.parse(postgres.url, engine=engine))


@pytest.fixture
def pgbouncer(transactional_db: None, tmp_path: Path) -> Iterator[PgBouncer]:
    """A pooler in transaction mode over the test's database, which knows nothing of it."""
    url = "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**connection.settings_dict)
    with PgBouncer(url, tmp_path / "pgbouncer") as pooler:
        yield pooler


@pytest.fixture
def behind_pgbouncer(pgbouncer: PgBouncer) -> Iterator[PgBouncer]:
    """Django's own connections lead through it."""
    declared = connection.settings_dict
    before = {name: declared[name] for name in ("HOST", "PORT", "DISABLE_SERVER_SIDE_CURSORS")}
    connection.close()
    declared |= {"HOST": pgbouncer.host, "PORT": pgbouncer.port, "DISABLE_SERVER_SIDE_CURSORS": True}
    yield pgbouncer
    connection.close()
    declared.update(before)
