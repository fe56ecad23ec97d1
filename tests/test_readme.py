"""The README's tables say what the code says."""

import ast
import re
from pathlib import Path

from switchyard.process.main import VERBS
from switchyard.routing import QUEUES

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()


def rows(heading: str) -> list[list[str]]:
    """The cells of the first table under a heading, without its head."""
    section = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def settings_read() -> dict[str, str]:
    """Variable name to default (as written in the README) of each ``env`` call in app/settings.py."""
    found = {}
    for node in ast.walk(ast.parse((ROOT / "app" / "settings.py").read_text())):
        if isinstance(node, ast.Call) and re.fullmatch(r"env\.\w+", ast.unparse(node.func)):
            name, *default = node.args
            found[ast.literal_eval(name)] = as_written(default[0]) if default else "required"
    return found


def as_written(default: ast.expr) -> str:
    try:
        value = ast.literal_eval(default)
    except ValueError:
        return "computed"
    if value in ("", [], None):
        return "empty"
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_every_setting_is_in_the_readme_with_its_default() -> None:
    described = {row[0].strip("`"): row[1].strip("`") for row in rows("Settings")}
    described = {
        name: "computed" if default.startswith("(") else default for name, default in described.items()
    }
    assert described == settings_read()


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
    assert [[row[0], *row[2:]] for row in rows("Queues")] == expected


def test_every_make_verb_that_is_named_exists() -> None:
    verbs = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:`|^)make ([a-z0-9-]+)\b", README, re.MULTILINE)) <= verbs


def test_every_file_that_is_named_exists() -> None:
    named = set(re.findall(r"`((?:app|switchyard|deploy)/[\w./-]+)`", README))
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


def test_every_role_that_is_named_is_a_command() -> None:
    for row in rows("Run it"):
        role = row[0].strip("`").split()[0]
        assert role in VERBS, role
