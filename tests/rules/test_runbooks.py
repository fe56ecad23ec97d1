"""Every alert has a runbook, and what it tells a person to type exists."""

import re
import shlex

import pytest
import yaml
from django.core.management import load_command_class
from django.core.management.base import CommandError

from switchyard.process.main import VERBS as VERBS_OF_OURS
from switchyard.process.main import command as verb
from tests.rules.files import ROOT, RUNBOOKS, alerts

FILES = sorted(file for file in RUNBOOKS.glob("*.md") if file.stem != "README")
PARTS = ["Stand here:", "For users:", "See it", "Likely causes, in this order", "Do", "Over when"]
#: What kubectl is asked to do, and the names that a command may stand for.
VERBS = {"get", "describe", "logs", "exec", "scale", "rollout"}


def commands(text: str, start: str) -> list[str]:
    """Each command line that begins so, in a block or in a sentence, without its comment."""
    blocks = "\n".join(text.split("```")[1::2])
    spans = re.findall(r"`([^`\n]+(?:\n[^`]+)?)`", "".join(text.split("```")[::2]))
    lines = [" ".join(line.split()) for line in [*blocks.splitlines(), *spans]]
    found = [line.partition(" #")[0].strip() for line in lines if line.startswith(start)]
    return [re.sub(r"\bPID\b", "1", re.sub(r"\bQUEUE\b", "io", line)) for line in found]


def parses(line: str) -> None:
    """Raises unless the service has the command and it takes these arguments."""
    name, *arguments = shlex.split(line.removeprefix("python -m app "))
    command = verb(name) if name in VERBS_OF_OURS else load_command_class("django.core", name)
    if name != "check":
        command.create_parser("python -m app", name).parse_args(arguments)


def deployments() -> set[str]:
    roles = {
        yaml.safe_load(file.read_text())["metadata"]["name"]
        for file in ROOT.glob("k8s/base/*/deployment.yaml")
    }
    return roles | {folder.name for folder in (ROOT / "k8s" / "base").glob("worker-*")}


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    assert [file.stem for file in FILES] == sorted(alerts())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_runbook_has_its_five_parts_in_order(file) -> None:
    text = file.read_text()
    assert re.findall(r"^\*\*([^*]+)\*\*", text, re.MULTILINE) == PARTS
    assert text.startswith(f"# {file.stem}\n")
    assert len(text.splitlines()) <= 50


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_command_of_a_runbook_exists(file) -> None:
    text = file.read_text()
    found = commands(text, "python -m app ")
    assert found or file.stem == "RetryStorm"
    for line in found:
        parses(line)
    for line in commands(text, "kubectl "):
        words = shlex.split(line)
        assert words[1:3] == ["-n", "switchyard"]
        assert words[3] in VERBS
        assert set(re.findall(r"deployment/([\w-]+)", line)) <= deployments()
    verbs = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {line.split()[1] for line in commands(text, "make ")} <= verbs


@pytest.mark.parametrize("line", ["python -m app outbox statsu", "python -m app deadletters list --grups"])
def test_a_command_that_does_not_exist_is_noticed(line: str) -> None:
    with pytest.raises((SystemExit, CommandError)):
        parses(line)


@pytest.mark.parametrize("file", [*FILES, RUNBOOKS / "README.md"], ids=lambda file: file.stem)
def test_every_link_of_a_runbook_leads_somewhere(file) -> None:
    assert [
        link for link in re.findall(r"\]\(([^)]+)\)", file.read_text()) if not leads_somewhere(link)
    ] == []


def leads_somewhere(link: str) -> bool:
    name, _, part = link.partition("#")
    page = RUNBOOKS / name
    return page.is_file() and (not part or part in anchors(page.read_text()))


def anchors(page: str) -> set[str]:
    """Of its headings, as they are made of them wherever Markdown is shown."""
    headings = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
