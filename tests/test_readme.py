"""The README's tables say what the code says."""

import itertools
import re
from pathlib import Path

import pytest

import switchyard
from app.environment import VARIABLES
from app.environment.variable import table
from switchyard.process.main import VERBS
from switchyard.routing import QUEUES

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
#: And the pages that it links for those who want all of it.
PAGES = {path: path.read_text() for path in (ROOT / "README.md", *sorted((ROOT / "deploy").glob("*.md")))}


def rows(text: str) -> list[list[str]]:
    """The cells of the first table of a text, without its head."""
    lines = list(text.partition("\n|")[2].splitlines())
    lines = [f"|{lines[0]}", *itertools.takewhile(lambda line: line.startswith("|"), lines[1:])]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def page(name: str) -> str:
    return PAGES[ROOT / "deploy" / f"{name}.md"]


def test_the_table_of_the_settings_is_the_declaration() -> None:
    written = "\n".join(page("SETTINGS").partition("\n|")[2].split("\n\n")[0].splitlines())
    assert f"|{written}" == table(VARIABLES), f"deploy/SETTINGS.md begins with:\n{table(VARIABLES)}"


def test_every_variable_is_read_and_every_one_that_is_read_is_declared() -> None:
    read = set(re.findall(r"\benv\(\"(\w+)\"", (ROOT / "app" / "settings.py").read_text()))
    assert read == {variable.name for variable in VARIABLES}


def test_the_queue_table_says_what_the_queues_are() -> None:
    pools = {"threads": "threads", "prefork": "processes"}
    expected = [
        [
            f"`{spec.name}`",
            pools[spec.pool],
            str(spec.concurrency),
            f"{spec.soft_limit_seconds} s / {spec.hard_limit_seconds} s",
            f"`{spec.dead_letter_queue}`",
        ]
        for spec in QUEUES.values()
    ]
    written = [[row[0], *row[2:]] for row in rows(README.split("\n## Queues\n")[1])]
    missing = [" | ".join([row[0], "what for", *row[1:]]) for row in expected if row not in written]
    assert written == expected, f"README.md, the table of Queues, has rows as in app/queues.py: {missing}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_make_verb_that_is_named_exists(path: Path) -> None:
    verbs = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:`|^)make ([a-z0-9-]+)\b", PAGES[path], re.MULTILINE)) <= verbs


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_file_that_is_named_exists(path: Path) -> None:
    named = set(re.findall(r"`((?:app|switchyard|deploy|tests|k8s)/[\w./-]+)`", PAGES[path]))
    linked = set(re.findall(r"\]\(([\w./-]+)\)", PAGES[path]))
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
    assert [name for name in sorted(linked) if not (path.parent / name).exists()] == []


def test_every_role_that_is_named_is_a_verb_and_every_verb_is_named() -> None:
    roles = {row[0].strip("`").split()[0] for row in rows(page("ROLES"))}
    assert roles <= set(VERBS)
    assert {verb for verb in VERBS if f"`{verb}`" in README or f"`{verb} " in README} == set(VERBS)


def test_the_pages_are_linked() -> None:
    linked = set(re.findall(r"\]\((deploy/[\w-]+\.md)\)", README))
    assert {str(path.relative_to(ROOT)) for path in PAGES} - {"README.md"} == linked


def test_what_a_task_module_imports_is_public() -> None:
    named = set(re.findall(r"`from switchyard import (\w+)`|`switchyard\.([A-Za-z]\w*)`", README))
    names = {one or other for one, other in named} - {"view"}
    assert names
    assert names <= set(switchyard.__all__)
