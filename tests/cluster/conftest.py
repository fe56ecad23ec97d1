"""One cluster for the run, with a node that runs nothing. `python -m tests.cluster.programs` builds it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import record
from tests.cluster.node import Pretending, registered
from tests.cluster.plane import control_plane
from tests.cluster.programs import built

#: Of one test: a rollout waits for probes that are minutes apart, and the machine may be busy.
TIMEOUT = 600
#: What kind and minikube have, and `make deploy` asks for; the node makes the volumes themselves.
STORAGE = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {
        "name": "standard",
        "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
    },
    "provisioner": "kubernetes.io/no-provisioner",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record", action="store_true", help="write tests/cluster/RESULT.md")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.timeout(TIMEOUT))


def pytest_configure(config: pytest.Config) -> None:
    config.stash[record.APPLIED] = []


@pytest.fixture(scope="session")
def cluster(home: Path) -> Iterator[Pretending]:
    with control_plane(built(), home / "cluster") as plane, registered(plane) as node:
        found = Pretending(plane, node)
        found.say("apply", "--server-side", "--filename=-", given=json.dumps(STORAGE))
        yield found


def pytest_terminal_summary(terminalreporter: Any, exitstatus: int, config: pytest.Config) -> None:
    if config.getoption("--record") and exitstatus == 0:
        record.write(terminalreporter, config.stash[record.APPLIED])
