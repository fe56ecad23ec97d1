"""Another project, in another folder and with other names, has only the wheel: and all of it works there."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest
from psycopg.conninfo import conninfo_to_dict

from deploy.local.postgres import Postgres
from tests.live.broker import Vhost
from tests.live.processes import ROOT, eventually
from tests.live.projects import Project, own_database

BAKERY = ROOT / "tests" / "bakery"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


class Bakery(Project):
    """The bakery, with the wheel in a folder of its own and nothing of this checkout on its path."""

    heartbeat = "BAKERY_HEARTBEAT"

    def __init__(self, folder: Path, wheel: Path, database: str, vhost: Vhost) -> None:
        home, self.site = folder / "bakery", folder / "site"
        shutil.copytree(BAKERY, home, ignore=shutil.ignore_patterns("__pycache__"))
        install = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--offline", "--no-deps"]
        subprocess.run([*install, f"--target={self.site}", str(wheel)], check=True)
        where = conninfo_to_dict(database)
        variables = {
            "PYTHONPATH": os.pathsep.join([str(self.site), str(home)]),
            "DJANGO_SETTINGS_MODULE": "bakery.settings",
            "BAKERY_HEARTBEAT": str(folder / "heartbeat"),
            "BAKERY_DB_HOST": str(where["host"]),
            "BAKERY_DB_PORT": str(where["port"]),
            "BAKERY_DB_USER": str(where["user"]),
            "BAKERY_DB_PASSWORD": str(where.get("password", "")),
            "BAKERY_DB_NAME": str(where["dbname"]),
            "BAKERY_BROKER": vhost.url,
            "BAKERY_MANAGEMENT": vhost.management_url,
        }
        super().__init__(home, variables, folder)

    def manage(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return self.run("manage.py", *words)

    def switchyard(self, *words: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """By the console script that the wheel brings."""
        return self.run(self.script, *words, check=check)

    @property
    def script(self) -> str:
        return str(self.site / "bin" / "switchyard")


@pytest.fixture
def project(wheel: Path, postgres: Postgres, vhost: Vhost, tmp_path: Path) -> Iterator[Bakery]:
    with own_database(postgres) as database:
        project = Bakery(tmp_path, wheel, database, vhost)
        yield project
        project.end()


def test_the_wheel_has_all_that_the_engine_needs_and_nothing_else(wheel: Path) -> None:
    names = set(ZipFile(wheel).namelist())
    wanted = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "switchyard").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert wanted <= names
    assert "switchyard/py.typed" in names
    assert {name.split("/")[0].split("-")[0] for name in names} == {"switchyard"}


def test_another_project_runs_its_own_tasks_on_it(project: Bakery) -> None:
    """check, release, a task of its own app and a shared one end to end, and the pages."""
    where = project.run("-c", "import switchyard; print(switchyard.__file__)").stdout
    assert Path(where.strip()).is_relative_to(project.site)

    said = project.manage("check").stderr
    assert "yard.W1" in said
    assert "task_acks_late is set to False" in said
    assert "task_routes is set to" in said
    assert "result_expires" not in said

    released = project.switchyard("release").stdout
    assert "created order flour" in released
    assert "as declared" in project.switchyard("topology", "check").stdout
    routes = json.loads(project.manage("switchyard", "routes", "--json").stdout)
    assert {route["task"]: route["queue"] for route in routes if route["queue"] == "bread"} == {
        "orders.bake": "bread",
        "switchyard.canary.bread": "bread",
    }

    project.start(project.script, "worker", "dough")
    project.start(project.script, "worker", "bread", "--name", "baker")
    project.start(project.script, "relay")
    call = "from orders.tasks import bake; from bakery.celery import preheat"
    sends = "bake.delay_on_commit('rye'); bake.delay_on_commit('rye'); preheat.delay_on_commit(200)"
    project.manage("shell", "-c", f"{call}; {sends}")
    count = "from orders.models import Loaf; print(sorted(Loaf.objects.values_list('name', 'shop')))"
    baked = "[('oven at 200', 'corner'), ('rye', 'corner')]"
    eventually(lambda: baked in project.manage("shell", "-c", count).stdout)

    pages = (
        "from django.contrib.auth import get_user_model; from django.test import Client; client = Client();"
        "client.force_login(get_user_model().objects.create_superuser('ada@example.com'));"
        "base = '/back-office/switchyard/operations/';"
        "print([client.get(base + page).status_code for page in"
        " ('', 'dead-letters/', 'schedule/', 'outbox/')]);"
        "client.post(base + 'schedule/run-now/', {'entry': 'order flour'});"
        "print('noted of', get_user_model().objects.get(logentry__object_repr__contains='flour').email)"
    )
    said = project.manage("shell", "-c", pages).stdout
    assert "[200, 200, 200, 200]" in said
    assert "noted of ada@example.com" in said
    assert project.manage("findstatic", "switchyard/live.js").returncode == 0
    said = project.switchyard("queues", "--json").stdout
    assert '"dough"' in said
    said = json.loads(project.switchyard("doctor", "--json", check=False).stdout)["looks"]
    found = {each["name"]: each for each in said}
    green = ("versions", "database rights", "migrations", "topology and policies", "worker dough", "relay")
    assert {name: found[name]["state"] for name in green} == dict.fromkeys(green, "green"), said
    assert found["beat"]["mend"].startswith("Start one: `switchyard beat`")


def test_a_verb_without_settings_says_what_to_set(project: Bakery) -> None:
    del project.environment["DJANGO_SETTINGS_MODULE"]
    ended = project.switchyard("queues", check=False)
    assert ended.returncode == 1
    assert "DJANGO_SETTINGS_MODULE is not set" in ended.stderr
    assert "--bundle FILE" in project.switchyard("doctor", "--help").stdout
