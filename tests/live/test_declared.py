"""What a task's author declares does what the documentation's table says, here and on stock Celery."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import httpx
import psycopg
import pytest

from deploy.local.postgres import Postgres
from deploy.local.processes import end
from deploy.local.rabbitmq import Broker
from tests.live.processes import ROOT, eventually

HABITS = ROOT / "tests" / "habits"
TABLE = ROOT / "deploy" / "DECLARED.md"
#: The first cell of each row of the table, headings and rules left out.
FIRST_CELL = re.compile(r"^\| (`.+?) +\|", re.MULTILINE)


class Project:
    """tests/habits on the engine, or on Celery alone, in a database and a vhost of its own."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self.environment = environment
        self.folder = folder
        self.started: list[subprocess.Popen[bytes]] = []

    def run(self, *words: str) -> str:
        """Run Python with these words to its end; what it printed."""
        ended = subprocess.run(
            [sys.executable, *words],
            cwd=HABITS,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def start(self, *words: str) -> Path:
        """Start Python with these words; its log. What it beats is the same with another ending."""
        log = self.folder / f"{len(self.started)}.log"
        environment = self.environment | {"HABITS_HEARTBEAT": str(log.with_suffix(".heartbeat"))}
        command = [sys.executable, *words]
        with log.open("wb") as output:
            streams: dict[str, Any] = {"stdout": output, "stderr": output}
            process = subprocess.Popen(
                command, cwd=HABITS, env=environment, start_new_session=True, **streams
            )
        self.started.append(process)
        return log

    def end(self) -> None:
        for process in self.started:
            end(process, grace_seconds=0)


@pytest.fixture(scope="module")
def projects(postgres: Postgres, broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Makes a project with a database and a vhost of its own."""
    made: list[tuple[Project, str]] = []
    with (
        psycopg.connect(postgres.url, autocommit=True) as server,
        httpx.Client(base_url=broker.management_url, timeout=30, trust_env=False) as management,
    ):

        def make(**environment: str) -> Project:
            name = f"habits_{uuid4().hex[:8]}"
            server.execute(f'CREATE DATABASE "{name}"')
            parts = urlsplit(broker.url)
            management.put(f"/api/vhosts/{name}").raise_for_status()
            rights = {"configure": ".*", "write": ".*", "read": ".*"}
            management.put(f"/api/permissions/{name}/{parts.username}", json=rights).raise_for_status()
            folder = tmp_path_factory.mktemp(name)
            variables = {
                "PATH": os.environ["PATH"],
                "PYTHONPATH": os.pathsep.join([str(HABITS), str(ROOT)]),
                "DJANGO_SETTINGS_MODULE": "habits.settings",
                "HABITS_DATABASE": urlunsplit(urlsplit(postgres.url)._replace(path=f"/{name}")),
                "HABITS_BROKER": urlunsplit(parts._replace(path=f"/{name}")),
                "HABITS_MANAGEMENT": broker.management_url,
                "HABITS_HEARTBEAT": str(folder / "heartbeat"),
            }
            made.append((Project(variables | environment, folder), name))
            return made[-1][0]

        yield make
        for project, name in made:
            project.end()
            management.delete(f"/api/vhosts/{name}")
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def walked(project: Project) -> dict[str, Any]:
    """Of each row what was seen, and what shall be seen here and on stock Celery."""
    found: dict[str, Any] = json.loads(project.run("-m", "declared.walk").splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def here(projects: Any) -> dict[str, Any]:
    project = projects()
    project.run("manage.py", "switchyard", "release")
    worker = project.start("manage.py", "switchyard", "worker", "work")
    for role in ("relay", "beat"):
        project.start("manage.py", "switchyard", role)
    eventually(worker.with_suffix(".heartbeat").exists, what="a worker")
    return walked(project)


@pytest.fixture(scope="module")
def stock(projects: Any) -> dict[str, Any]:
    project = projects(HABITS_STOCK="1")
    project.run("manage.py", "migrate", "--verbosity=0")
    worker = project.start("-m", "celery", "-A", "habits", "worker", "--pool=threads", "--loglevel=INFO")
    project.start(
        "-m", "celery", "-A", "habits", "beat", "--pidfile=", f"--schedule={project.folder / 'beat'}"
    )
    eventually(lambda: " ready." in worker.read_text(), what="a worker")
    return walked(project)


def declarations() -> list[str]:
    """The rows of the documentation's first table."""
    return FIRST_CELL.findall(TABLE.read_text().partition("\n## ")[0])


@pytest.mark.parametrize("declaration", declarations())
def test_what_is_declared_does_what_the_table_says(
    here: dict[str, Any], stock: dict[str, Any], declaration: str
) -> None:
    assert here[declaration]["seen"] == here[declaration]["here"]
    assert stock[declaration]["seen"] == stock[declaration]["stock"]


def test_every_row_that_is_tried_is_in_the_table(here: dict[str, Any]) -> None:
    assert list(here) == declarations()
