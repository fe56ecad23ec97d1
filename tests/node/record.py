"""What a run saw, as tests/node/RESULT.md, and which of its tests did not pass."""

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from deploy.cluster.image import revision
from tests.cluster.programs import version
from tests.cluster.record import passed_tests, put, title
from tests.node.disruption import PER_SECOND, Row
from tests.rollout.load import LONG_SECONDS

#: What a reader would otherwise take it for.
NOT_TRIED = (
    "The servers' images are made of the distribution's packages and of Go modules under the names that "
    "the manifests use: their entry scripts and users are not the published ones. Both nodes are one "
    "machine's, and share its disk, its clock and its kernel. No operator ran, and no server of production's."
)
RESULT = Path(__file__).with_name("RESULT.md")
ROWS = pytest.StashKey[list[Row]]()
LOAD = (
    f"The load is {PER_SECOND:.0f} requests a second, each of which promises a task; one in twenty of these "
    f"takes {LONG_SECONDS:.0f} s. A task runs twice when its pod did not live to end it; `once` keeps its "
    "effect from being there twice."
)
HEAD = (
    "| under load | until whole (s) | promised | lost | effects twice | run twice | refused | "
    "longest request (s) | dead letters | late liveness probes |"
)


def write(reporter: Any, rows: list[Row]) -> None:
    """Of all tests that this run ran."""
    lines = [
        "# The last run of `make node-test ARGS=--record`",
        "",
        summary(reporter),
        "",
        NOT_TRIED,
        "",
        LOAD,
        "",
        HEAD,
        "|---" * 10 + "|",
        *map(line, rows),
        "",
        *(f"- **Did not pass:** {title(report.nodeid)}" for report in failed_tests(reporter)),
    ]
    put(RESULT, reporter, lines)


def failed_tests(reporter: Any) -> list[Any]:
    return [*reporter.stats.get("failed", ()), *reporter.stats.get("error", ())]


def summary(reporter: Any) -> str:
    passed, failed = len(passed_tests(reporter)), len(failed_tests(reporter))
    took = time.time() - reporter._session_start.time
    machine = f"{os.cpu_count()} cores with a load of {os.getloadavg()[2]:.0f}"
    nodes = f"two nodes of Kubernetes {version('k8s.io/kubernetes')}"
    when = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, at {revision()}"
    keyword = reporter.config.option.keyword
    chosen = f", of all only those of `-k '{keyword}'`," if keyword else ""
    missing = reporter._session.testscollected - passed - failed
    cut = f"; it was cut short before {missing} more" if missing else ""
    tests = f"{passed} of {passed + failed} tests{chosen} passed"
    return f"{when}, on {nodes}: {tests} in {took:.0f} s ({machine}){cut}."


def line(row: Row) -> str:
    refused = ", ".join(f"{count} {why}" for why, count in row.refused.items()) or "0"
    name = f"{row.name}, **which did not pass**" if row.failed else row.name
    if row.after_server_seconds is not None:
        name += f" (web ready {row.after_server_seconds:.0f} s after it)"
    cells = [
        name,
        f"{row.seconds:.0f}",
        row.promised,
        row.lost,
        row.effects_twice,
        row.runs_twice,
        refused,
        f"{row.longest_seconds:.1f}",
        row.letters,
        row.late_probes,
    ]
    return f"| {' | '.join(map(str, cells))} |"
