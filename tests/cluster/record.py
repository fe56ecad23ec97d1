"""What a run that passed was of, as tests/cluster/RESULT.md."""

import os
import subprocess
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from deploy.cluster.engine import ROOT
from deploy.cluster.image import revision
from deploy.cluster.tools import go_version, tool
from tests.cluster.programs import build_seconds, built, version
from tests.manifests.rendered import Document

#: What a reader would otherwise take it for.
NOT_TRIED = (
    "No container ran: a node of the tests' own reports each pod as ready, and what a role answers to "
    "`make deploy` is the test's. No operator ran: custom resources were admitted by their definitions, and "
    "nothing came of them. No network policy was enforced."
)
RESULT = Path(__file__).with_name("RESULT.md")
#: Under which name, what was applied.
APPLIED = pytest.StashKey[list[tuple[str, list[Document]]]]()


def write(reporter: Any, applied: list[tuple[str, list[Document]]]) -> None:
    """Of all tests that this run ran. The caller says that all passed."""
    lines = [
        "# The last run of `make cluster-test ARGS=--record`",
        "",
        summary(reporter, len(passed_tests(reporter))),
        "",
        NOT_TRIED,
        "",
        *versions(),
        "",
        "| applied, twice | objects |",
        "|---|---|",
        *(f"| {name} | {kinds(found)} |" for name, found in applied),
        "",
    ]
    put(RESULT, reporter, lines)


def passed_tests(reporter: Any) -> list[Any]:
    return [report for report in reporter.stats.get("passed", ()) if report.when == "call"]


def put(result: Path, reporter: Any, lines: list[str]) -> None:
    """The lines, and under them each test that passed."""
    tests = [f"- {title(report.nodeid)} ({report.duration:.0f} s)" for report in passed_tests(reporter)]
    result.write_text("\n".join([*lines, *tests]) + "\n")
    reporter.write_line(f"Wrote {result.relative_to(ROOT)}.")


def summary(reporter: Any, passed: int) -> str:
    took = time.time() - reporter._session_start.time
    built_in = sum(build_seconds(built()).values())
    machine = f"{os.cpu_count()} cores with a load of {os.getloadavg()[2]:.0f}"
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, at {revision()}: {passed} tests passed in {took:.0f} s "
        f"({machine}), after a build of {built_in} s (Go takes from its own cache what it "
        "has built before)."
    )


def versions() -> list[str]:
    client = subprocess.run(
        [tool("kubectl"), "version", "--client"], capture_output=True, text=True, check=True
    )
    return [
        "| what | version | build (s) |",
        "|---|---|---|",
        *(f"| {name} | {release(name)} | {seconds} |" for name, seconds in build_seconds(built()).items()),
        f"| kubectl | {client.stdout.split()[2]} | from the lock file |",
        f"| Go | {go_version()} | from the lock file |",
    ]


def release(program: str) -> str:
    return version("go.etcd.io/etcd/server/v3" if program == "etcd" else "k8s.io/kubernetes")


def kinds(found: list[Document]) -> str:
    counted = sorted(Counter(item["kind"] for item in found).items())
    return f"{len(found)}: " + ", ".join(f"{count} {kind}" for kind, count in counted)


def title(nodeid: str) -> str:
    return nodeid.rpartition("::")[2].removeprefix("test_").replace("_", " ")
