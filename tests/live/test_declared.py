"""What a task's author declares does what the documentation's table says, here and on stock Celery."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.live.processes import ROOT, eventually
from tests.live.projects import Habits

TABLE = ROOT / "deploy" / "DECLARED.md"
#: The first cell of each row of the table, headings and rules left out.
FIRST_CELL = re.compile(r"^\| (`.+?) +\|", re.MULTILINE)


def walked(project: Habits) -> dict[str, Any]:
    """Of each row what was seen, and what shall be seen here and on stock Celery."""
    found: dict[str, Any] = json.loads(project.run("-m", "declared.walk").stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def here(habits: Callable[..., Habits]) -> dict[str, Any]:
    project = habits()
    project.run("manage.py", "switchyard", "release")
    worker = project.start("manage.py", "switchyard", "worker", "work")
    for role in ("relay", "beat"):
        project.start("manage.py", "switchyard", role)
    eventually(worker.with_suffix(".heartbeat").exists, what="a worker")
    return walked(project)


@pytest.fixture(scope="module")
def stock(habits: Callable[..., Habits]) -> dict[str, Any]:
    project = habits(HABITS_STOCK="1")
    project.run("manage.py", "migrate", "--verbosity=0")
    worker = project.start("-m", "celery", "-A", "habits", "worker", "--pool=threads", "--loglevel=INFO")
    project.start("-m", "celery", "-A", "habits", "beat", "--pidfile=", f"--schedule={project.logs / 'beat'}")
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
