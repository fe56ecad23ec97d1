"""A drill causes what its alert is for, and is over when the runbook's command has mended it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command

from deploy.local.drill import drilled, is_mended
from deploy.local.faults import FAULTS
from switchyard.alerts.declared import BY_NAME
from switchyard.postgresql.sessions import sessions
from tests.live.processes import Processes, eventually


def end_the_lock() -> None:
    [pid] = [row["pid"] for row in sessions() if "gone home" in row["who"]]
    call_command("switchyard", "database", "end", str(pid), "--yes")


#: What the runbooks lead to.
MENDS: dict[str, Callable[[], Any]] = {
    "lock": end_the_lock,
    "queue": lambda: call_command("switchyard", "topology", "apply"),
    "quarantine": lambda: call_command("switchyard", "outbox", "discard", "--task=drill", "--yes"),
    "unroutable": lambda: call_command("switchyard", "deadletters", "discard", "--queue=unroutable", "--yes"),
}


def test_each_fault_is_over_when_its_runbooks_command_has_mended_it(yard: Processes) -> None:
    assert MENDS.keys() == FAULTS.keys()
    for name, fault in FAULTS.items():
        assert fault.alert in BY_NAME
        with fault.cause() as mended:
            eventually(lambda mended=mended: not is_mended(mended), within=60, what=name)
            MENDS[name]()
            eventually(lambda mended=mended: is_mended(mended), within=60, what=name)


def test_what_nobody_mends_is_told_and_taken_back(
    yard: Processes, capsys: pytest.CaptureFixture[str]
) -> None:
    course = drilled(FAULTS["quarantine"], minutes=0.02)
    assert (course.mended, course.alert is None) == (None, False)
    said = capsys.readouterr().out
    assert "nobody mended it" in said
    assert "deploy/runbooks/OutboxQuarantine.md" in said
    call_command("switchyard", "outbox", "status")
