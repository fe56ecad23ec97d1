"""Other projects than the service, each with processes and a database of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg

from deploy.local.postgres import Postgres
from deploy.local.processes import end
from tests.live.broker import Vhost
from tests.live.processes import ROOT
from tests.polling import DEADLINE_SECONDS

HABITS = ROOT / "tests" / "habits"


class Project:
    """A project in its folder ``home``, and what it runs. ``logs`` is a folder for what that says."""

    #: The variable that says where a role beats.
    heartbeat = ""

    def __init__(self, home: Path, environment: dict[str, str], logs: Path) -> None:
        self.home = home
        self.environment = {"PATH": os.environ["PATH"], **environment}
        self.logs = logs
        self.started: list[subprocess.Popen[bytes]] = []

    def run(self, *words: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run Python with these words to its end."""
        ended = subprocess.run(
            [sys.executable, *words],
            cwd=self.home,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
            check=False,
        )
        assert not check or ended.returncode == 0, ended.stdout + ended.stderr
        return ended

    def start(self, *words: str) -> Path:
        """Start Python with these words; its log. Where it beats is the same with another ending."""
        log = self.logs / f"{len(self.started)}.log"
        environment = self.environment | {self.heartbeat: str(log.with_suffix(".heartbeat"))}
        command = [sys.executable, *words]
        with log.open("wb") as output:
            streams: dict[str, Any] = {"stdout": output, "stderr": output, "start_new_session": True}
            self.started.append(subprocess.Popen(command, cwd=self.home, env=environment, **streams))
        return log

    def end(self) -> None:
        for process in self.started:
            end(process, grace_seconds=0)


class Habits(Project):
    """tests/habits on the engine, or with HABITS_STOCK on Celery alone."""

    heartbeat = "HABITS_HEARTBEAT"

    def __init__(self, database: str, vhost: Vhost, logs: Path, **environment: str) -> None:
        variables = {
            "PYTHONPATH": os.pathsep.join([str(HABITS), str(ROOT)]),
            "DJANGO_SETTINGS_MODULE": "habits.settings",
            "HABITS_DATABASE": database,
            "HABITS_BROKER": vhost.url,
            "HABITS_MANAGEMENT": vhost.management_url,
            "HABITS_HEARTBEAT": str(logs / "heartbeat"),
        }
        super().__init__(HABITS, variables | environment, logs)


@contextmanager
def own_database(postgres: Postgres) -> Iterator[str]:
    """The URL of an empty database, which is gone after the block."""
    name = f"project_{uuid4().hex[:8]}"
    with psycopg.connect(postgres.url, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
        try:
            yield urlunsplit(urlsplit(postgres.url)._replace(path=f"/{name}"))
        finally:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
