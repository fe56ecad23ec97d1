"""One cluster of two nodes for the run, in the namespaces that `python -m tests.node` makes."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.node import record
from tests.node.cluster import Nodes, running

#: Of one test: a drain waits for the longest task, and the machine may be busy.
TIMEOUT = 2400


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record", action="store_true", help="write tests/node/RESULT.md")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.timeout(TIMEOUT))


def pytest_configure(config: pytest.Config) -> None:
    config.stash[record.ROWS] = []


@pytest.fixture(scope="session")
def cluster() -> Iterator[Nodes]:
    """With its kubectl and its context as those of this process, for what is called in it."""
    if "NODE_FOLDER" not in os.environ:
        pytest.exit("These tests need namespaces of their own: `make node-test`.", returncode=4)
    with running(Path(os.environ["NODE_FOLDER"])) as found, pytest.MonkeyPatch.context() as patch:
        for name in ("PATH", "KUBECONFIG"):
            patch.setenv(name, found.environment[name])
        yield found


def pytest_terminal_summary(terminalreporter: Any, exitstatus: int, config: pytest.Config) -> None:
    if config.getoption("--record") and exitstatus == 0:
        record.write(terminalreporter, config.stash[record.ROWS])
