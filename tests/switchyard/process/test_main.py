"""The one entry hands a command line on to the verb that it names."""

import json
import os
import subprocess
import sys

import pytest
from django.core.management import execute_from_command_line


@pytest.mark.parametrize(("verb", "own"), [("topology", "--replace-empty"), ("worker", "--concurrency")])
def test_a_verb_of_manage_py_has_its_own_help(
    verb: str, own: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["manage.py", "switchyard", verb, *(["apply"] if verb == "topology" else []), "--help"]
    with pytest.raises(SystemExit) as ended:
        execute_from_command_line(words)
    assert ended.value.code == 0
    assert own in capsys.readouterr().out


#: Every verb in one process, as each answers at a prompt.
ALL_HELP = """
import contextlib, io, json, sys
from switchyard.process.main import VERBS, main

found = {}
for verb in VERBS:
    with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.suppress(SystemExit):
        main([verb, "--help"], program="python -m app", queues=sys.argv[1])
    found[verb] = said.getvalue()
print(json.dumps(found))
"""


def at_a_prompt(*words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Python with nothing set but these."""
    environment = {"PATH": os.environ["PATH"], **variables}
    command = [sys.executable, *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("variables", "queues", "worker"),
    [({"DJANGO_SETTINGS_MODULE": "app.settings"}, "app.queues", "{io,cpu}"), ({}, "", "{QUEUE}")],
    ids=["of the service", "of a project that has only the wheel"],
)
def test_every_verb_has_its_help_where_nothing_is_set(variables, queues, worker) -> None:
    said = json.loads(at_a_prompt("-c", ALL_HELP, queues, **variables).stdout)
    assert [verb for verb, text in said.items() if f" {verb} [-h]" not in text] == []
    assert worker in said["worker"]


def test_a_verb_that_cannot_read_the_settings_says_which_variable_is_missing() -> None:
    ended = at_a_prompt("-m", "app", "queues", SECRET_KEY="a")
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert "app.settings cannot be read: DATABASE_URL: not set." in ended.stderr
    assert at_a_prompt("-m", "app", "queues", "--help").returncode == 0
