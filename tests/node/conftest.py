"""One cluster of two nodes for the run, in the namespaces that `python -m tests.node` makes."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.node import record
from tests.node.cluster import Nodes, running
from tests.node.disruption import Row
from tests.node.service import Service

#: Of one test: a drain waits for the longest task, and the machine may be busy.
TIMEOUT = 2400
#: Also what was cut short has seen something, and says how much.
RAN = {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED}
FAILED = pytest.StashKey[bool]()


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


@pytest.fixture(scope="session")
def service(cluster: Nodes) -> Service:
    """`local`, with as many pods as production has, and with books."""
    if not cluster.get("secrets"):
        done = cluster.run("make", "secrets", "OVERLAY=local")
        assert done.returncode == 0, done.stderr
    found = Service(cluster)
    found.bring("old")
    found.open_books()
    return found


@pytest.fixture
def rows(request: pytest.FixtureRequest) -> Iterator[list[Row]]:
    """The test's own, which the result gets with what became of the test."""
    own: list[Row] = []
    yield own
    for row in own:
        row.failed = request.node.stash.get(FAILED, False)
    request.node.stash[record.ROWS] = own
    request.config.stash[record.ROWS] += own


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Says at once what a test saw, and why it failed: the run goes on for half an hour."""
    report = yield
    said = [record.line(row) for row in item.stash.get(record.ROWS, [])] if report.when == "teardown" else []
    if report.failed:
        item.stash[FAILED] = True
        why = str(report.longrepr).splitlines()
        said += [item.name, *([line for line in why if line.startswith("E")] or why[-5:])]
    if said:
        item.config.get_terminal_writer().write("\n".join(["", *said, ""]))
    return report


def pytest_terminal_summary(terminalreporter: Any, exitstatus: int, config: pytest.Config) -> None:
    if config.getoption("--record") and exitstatus in RAN:
        record.write(terminalreporter, config.stash[record.ROWS])
