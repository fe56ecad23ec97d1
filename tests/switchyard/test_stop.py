"""A signal that comes while a loop waits ends the loop, at whatever moment it comes."""

import subprocess
import sys

import pytest

#: One signal to each wait, at a moment by chance, some thousand times a second.
STORM = """
import random, signal, threading, time
from switchyard.stop import Stop
kind = {kind}
stop = kind()
signal.signal(signal.SIGALRM, lambda *_: stop.set())
until = time.monotonic() + {seconds}
while time.monotonic() < until:
    stop = kind()
    signal.setitimer(signal.ITIMER_REAL, random.uniform(0.00005, 0.0003))
    stop.wait(0.0002)
signal.setitimer(signal.ITIMER_REAL, 0)
"""


def storm(kind: str, seconds: int, within: int) -> None:
    command = [sys.executable, "-c", STORM.format(kind=kind, seconds=seconds)]
    ended = subprocess.run(command, timeout=within, check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


def test_a_signal_at_any_moment_of_a_wait_ends_it() -> None:
    storm("Stop", seconds=3, within=60)


def test_an_event_of_the_standard_library_waits_for_itself() -> None:
    """The control, which a process of ours was once found in."""
    with pytest.raises(subprocess.TimeoutExpired):
        storm("threading.Event", seconds=8, within=10)


def test_a_wait_ends_when_its_time_is_over() -> None:
    code = "from switchyard.stop import Stop; print(Stop().wait(0.01))"
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert ended.stdout.strip() == "False"
