"""The example is deleted in one go: three folders, their tests, and the lines that ``check`` then names."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ("accounts", "reports", "webhooks")
#: Of the checkout, what the engine's tests need.
KEPT = ("app", "deploy", "k8s", "switchyard", "tests", "README.md", "Makefile", "pyproject.toml")
#: A test of the engine that asks the service for something: facts, pages, verbs.
ASKS = re.compile(
    r"from app(?:\.(?:queues|settings|urls))? import|import app\.|[\"']app\."
    r"|call_command|\bclient\b|SCHEDULE|ROUTES"
)
ENVIRONMENT = {
    "SECRET_KEY": "only-for-this",
    "DATABASE_URL": "postgres://nobody@127.0.0.1:1/unset",
    "BROKER_URL": "pyamqp://nobody@127.0.0.1:1/unset",
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkout without the example's folders and tests."""
    home = tmp_path_factory.mktemp("yours")
    for name in KEPT:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, home / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, home / name)
    # The broker's packages need not be unpacked again.
    (home / ".local").mkdir()
    for found in (ROOT / ".local").glob("rabbitmq-dist*"):
        (home / ".local" / found.name).symlink_to(found)
    for name in EXAMPLE:
        shutil.rmtree(home / "app" / name)
    shutil.rmtree(home / "tests" / "app")
    return home


def run(home: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, **ENVIRONMENT, "PYTHONPATH": str(home)}
    for name in [name for name in environment if name.startswith("PYTEST_")]:
        del environment[name]
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def remove_what_it_names(home: Path, said: str) -> None:
    """The lines of the service's files that name what ``check`` did not find, or found to be left over."""
    modules = re.findall(r"No module named '(app\.\w+)", said) + re.findall(r"'(app\.\w+)[\w.]*'", said)
    routes = re.findall(r"^(\w+\.(?:\*|\w+)): \(yard\.E4\)", said, re.MULTILINE)
    entries = re.findall(r"^([\w ]+): \(yard\.E8\)", said, re.MULTILINE)
    for file in ("settings.py", "urls.py", "queues.py"):
        path = home / "app" / file
        text = path.read_text()
        for entry in entries:
            text = re.sub(rf'    "{entry}": ScheduleEntry\(.*?\n    \),\n', "", text, flags=re.DOTALL)
        lines = [
            line
            for line in text.splitlines()
            if not any(name in line for name in (*modules, *(f'"{route}"' for route in routes)))
        ]
        path.write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def yours(copy: Path) -> Path:
    """The same when a person has followed ``check``: what it names is removed, round by round."""
    files = [copy / "app" / name for name in ("settings.py", "urls.py", "queues.py")]
    for _ in range(12):
        said = run(copy, "app", "check")
        if said.returncode == 0:
            return copy
        before = [file.read_text() for file in files]
        remove_what_it_names(copy, said.stdout + said.stderr)
        assert before != [file.read_text() for file in files], said.stdout + said.stderr
    raise AssertionError(said.stdout + said.stderr)


def test_check_names_each_line_that_is_left_over(yours: Path) -> None:
    left = "".join(path.read_text() for path in (yours / "app").glob("*.py"))
    assert [name for name in EXAMPLE if f"app.{name}" in left or f'"{name}.' in left] == []


def test_every_test_of_the_engine_can_be_imported_without_it(yours: Path) -> None:
    ended = run(yours, "pytest", "-q", "--collect-only", "tests/switchyard")
    assert ended.returncode == 0, ended.stdout[-5000:] + ended.stderr[-2000:]


@pytest.mark.timeout(1200)
def test_the_tests_of_the_engine_that_ask_the_service_for_something_pass_without_it(yours: Path) -> None:
    """The rest is given nothing of the service but its Celery app and its settings, with or without."""
    tests = sorted((yours / "tests" / "switchyard").rglob("test_*.py"))
    asking = [str(path.relative_to(yours)) for path in tests if ASKS.search(path.read_text())]
    ended = run(yours, "pytest", "-q", "-n", "2", "--dist", "loadfile", *asking)
    assert ended.returncode == 0, ended.stdout[-5000:] + ended.stderr[-2000:]
    assert re.search(r"\d{3,} passed", ended.stdout)
