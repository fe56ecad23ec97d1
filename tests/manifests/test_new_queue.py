"""A queue is added as deploy/ADD-A-QUEUE.md says; until then each file that lacks something is named."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.cluster.engine import ROOT
from deploy.cluster.tools import FOLDER, tool

PAGE = (ROOT / "deploy" / "ADD-A-QUEUE.md").read_text()
WELL = "The manifests say what the code says."
#: Of the tree, what the manifests are compared with.
PARTS = ("app", "switchyard", "deploy", "k8s", "tests")
#: ``python -m tests.manifests`` with the tools of this tree, which another would install for minutes.
COMMAND = f"""
import pathlib, runpy
from deploy.cluster import tools
tools.FOLDER = pathlib.Path({str(FOLDER)!r})
runpy.run_module("tests.manifests", run_name="__main__")
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    """The tree, with the queue in its code and nowhere else."""
    tool("kubectl")
    folder: Path = tmp_path_factory.mktemp("tree")
    for part in PARTS:
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    add_to_code(folder / "app" / "queues.py")
    return folder


def add_to_code(file: Path) -> None:
    """As the page has it: the specification in place of the line of ``QUEUES``, and then the route."""
    specification, _, route = block("python").partition("ROUTES[")
    source, replaced = re.subn("(?m)^QUEUES = .*$", specification.strip(), file.read_text())
    assert replaced == 1
    file.write_text(f"{source}\nROUTES[{route}")


def block(language: str) -> str:
    """The one block of the page in that language."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


def said(tree: Path) -> list[str]:
    """The sentences, each naming a file; that all is well is the last one."""
    done = run(tree, sys.executable, "-c", COMMAND)
    assert done.stderr == ""
    sentences = done.stdout.splitlines()
    assert done.returncode == (sentences != [WELL])
    return sentences


def run(tree: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    environment = {"PATH": os.environ["PATH"]}
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)


def test_each_sentence_says_what_to_put_into_which_file_and_after_the_page_none_is_left(tree: Path) -> None:
    written = set()
    for sentence in said(tree):
        [(line, file)] = re.findall(r"[Pp]ut `([^`]*bulk[^`]*)` into ([\w./-]+)\.$", sentence)
        assert (tree / file).is_file(), sentence
        written.add((line, file))
    assert {file for _, file in written} == {
        "k8s/base/kustomization.yaml",
        "k8s/components/rabbitmq/users/worker.yaml",
        "k8s/components/autoscaling-keda/kustomization.yaml",
        "k8s/components/autoscaling-hpa/kustomization.yaml",
    }
    followed = run(tree, "bash", "-euc", block("sh"))
    assert followed.returncode == 0, followed.stderr
    assert said(tree) == [WELL]
