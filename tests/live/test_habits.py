"""A project with none of our names in its tasks runs as it did on stock Celery, with the broker away too."""

import json
from collections.abc import Callable

import psycopg
import pytest

from tests.live.processes import eventually
from tests.live.projects import Habits

#: Each call's answer: the second order of the same name breaks its transaction.
ANSWERS = [201, 201, 201, 409, 201]
#: What the tasks wrote down, in the order of the alphabet.
NOTES = sorted(
    [
        ("ada", "indexed"),
        ("ada", "receipt"),
        ("bob", "indexed"),
        ("bob", "receipt"),
        *[(name, f"attempt {number}") for name in ("ada", "ada by name") for number in range(3)],
        ("total", "12"),
        *[("audit", f"shop.tasks.{task} succeeded") for task in ("deliver", "index", "receipt")] * 2,
        ("audit", "shop.tasks.refuse failed: no such customer: ada"),
    ]
)
#: On stock Celery alone: the order was taken back, and its task ran.
OF_A_ROLLED_BACK_ORDER = ("audit", "shop.tasks.index failed: Order matching query does not exist.")
#: Where nobody listens.
AWAY = {"HABITS_BROKER": "pyamqp://nobody@127.0.0.1:1//"}


def notes(project: Habits) -> list[tuple[str, str]]:
    with psycopg.connect(project.environment["HABITS_DATABASE"]) as database:
        return sorted(database.execute("SELECT key, text FROM shop_note").fetchall())


def visit(project: Habits) -> list[int]:
    found: list[int] = json.loads(project.run("-m", "shop.visit").stdout.splitlines()[-1])
    return found


def test_on_stock_celery(habits: Callable[..., Habits]) -> None:
    project = habits(HABITS_STOCK="1")
    project.run("manage.py", "migrate", "--verbosity=0")
    project.start("-m", "celery", "-A", "habits", "worker", "--pool=threads", "--loglevel=INFO")
    assert visit(project) == ANSWERS
    eventually(lambda: notes(project) == sorted([*NOTES, OF_A_ROLLED_BACK_ORDER]))


@pytest.mark.parametrize("away", [False, True], ids=["", "while the broker is away"])
def test_on_the_engine(habits: Callable[..., Habits], away: bool) -> None:
    project = habits()
    project.run("manage.py", "switchyard", "release")
    project.start("manage.py", "switchyard", "worker", "work")
    project.start("manage.py", "switchyard", "relay")
    here = project.environment
    project.environment = here | AWAY if away else here
    assert visit(project) == ANSWERS
    project.environment = here
    eventually(lambda: notes(project) == NOTES)
    listed = project.run("manage.py", "switchyard", "deadletters", "list", "--json")
    [letter] = [json.loads(line) for line in listed.stdout.splitlines() if line.startswith("{")]
    assert letter["task"] == "shop.tasks.refuse"
