"""Faults are tried on the same servers as the live tests, with a table at the end of what each one did."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from deploy.local.postgres import Postgres
from deploy.local.rabbitmq import Broker
from tests.faults.services import Services
from tests.live.broker import Vhost
from tests.live.conftest import environment, processes, vhost  # noqa: F401 - fixtures
from tests.live.processes import Processes

#: What a test's report carries its rows as, from a process of xdist's too.
ROW = "fault"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.fault)


@pytest.fixture
def services(
    processes: Processes,  # noqa: F811
    vhost: Vhost,  # noqa: F811
    broker: Broker,
    postgres: Postgres,
) -> Services:
    """The declared topology in an empty vhost, the ledger, and a way to start and to hurt what runs."""
    processes.environment["DJANGO_SETTINGS_MODULE"] = "tests.faults.settings"
    call_command("switchyard", "topology", "apply", verbosity=0)
    return Services(processes, vhost, broker, postgres)


@pytest.fixture
def tally(request: pytest.FixtureRequest, broker: Broker) -> Callable[..., None]:
    """Adds a row to the table: the fault, how often it was done, to what, and what came of it."""

    def add(fault: str, what: str, **counts: Any) -> None:
        row = (broker.version, fault, what, ", ".join(f"{name} {count}" for name, count in counts.items()))
        request.node.user_properties.append((ROW, row))

    return add


def pytest_terminal_summary(terminalreporter: Any) -> None:
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    properties = [each for report in reports for each in getattr(report, "user_properties", ())]
    # A report is made for set-up, call and teardown; each carries all the properties so far.
    rows = {tuple(value) for name, value in properties if name == ROW}
    if not rows:
        return
    terminalreporter.section("faults")
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in sorted(rows, key=lambda row: (row[0], _number(row[1]), row[2])):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        terminalreporter.write_line("  ".join([*cells, row[3]]).rstrip())


def _number(fault: str) -> tuple[int, str]:
    digits = "".join(filter(str.isdigit, fault))
    return int(digits or 0), fault
