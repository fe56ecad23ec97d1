"""What a task has changed in its process is put back, by name, and the rest is left alone."""

import os
import signal
import socket
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from switchyard.worker.prefork import run_alone
from switchyard.worker.process_state import PARTS, ProcessState


def edit_environment() -> None:
    os.environ["CUSTOMER"] = "a"
    os.environ["HOME"] = "/elsewhere"
    del os.environ["PATH"]


def set_alarm() -> None:
    signal.setitimer(signal.ITIMER_REAL, 60)


CHANGES: dict[str, Callable[[], object]] = {
    "environment": edit_environment,
    "working directory": lambda: os.chdir("/"),
    "socket default timeout": lambda: socket.setdefaulttimeout(1),
    "alarm": set_alarm,
    "signal handlers": lambda: signal.signal(signal.SIGUSR1, signal.SIG_IGN),
    "warnings filters": lambda: warnings.simplefilter("ignore"),
}


@pytest.fixture(autouse=True)
def no_alarm() -> None:
    """A test's own time limit may be one."""
    signal.setitimer(signal.ITIMER_REAL, 0)


@pytest.mark.parametrize("name", [part.name for part in PARTS])
def test_what_is_changed_is_put_back_and_named(name: str) -> None:
    before = [part.read() for part in PARTS]
    state = ProcessState()
    CHANGES[name]()
    assert [part.read() for part in PARTS] != before
    with capture_logs() as lines:
        state.restore()
        state.restore()
    assert [part.read() for part in PARTS] == before
    assert [line["restored"] for line in lines] == [[name]]


def test_a_working_directory_that_is_gone_ends_no_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = ProcessState()
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    state.restore()
    assert Path.cwd() != gone


def test_a_task_that_fails_is_put_back_after_too() -> None:
    def fail() -> None:
        socket.setdefaulttimeout(1)
        raise ValueError("as it does")

    run_alone(time.monotonic)
    with capture_logs(), pytest.raises(ValueError, match="as it does"):
        run_alone(fail)
    assert socket.getdefaulttimeout() is None
