"""What the tasks of the benchmark do, whichever Celery app runs them."""

import json
import os
import time
from pathlib import Path

from tests.bench import gauge


def noop(left: int, right: int) -> None:
    """Nothing, with two arguments."""


def wait(seconds: float) -> None:
    time.sleep(seconds)


def spin(seconds: float) -> None:
    """Compute for so many seconds of CPU, however long the machine takes for it."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        sum(range(200))


def note(path: str, sent: float) -> None:
    """Append how many seconds ago it was sent."""
    line = f"{time.time() - sent:.6f}\n".encode()
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(file, line)
    finally:
        os.close(file)


def mark(path: str) -> None:
    """Write down the moment, and what the worker that runs this has used so far.

    A worker is started in a process group of its own, so the group's number is its main process.
    """
    worker = os.getpgrp()
    reading = {
        "at": time.time(),
        "cpu_seconds": gauge.cpu_seconds(worker),
        "memory_mb": gauge.memory_mb(worker),
        "worker": worker,
    }
    written = Path(f"{path}.new")
    written.write_text(json.dumps(reading))
    written.rename(path)


def part(number: int) -> int:
    """A part of a chord."""
    return number


def joined(numbers: list[int], path: str) -> None:
    """The body of a chord: write down when it ran, and of how many parts."""
    written = Path(f"{path}.new")
    written.write_text(json.dumps({"at": time.time(), "parts": len(numbers)}))
    written.rename(path)


HABITS = (noop, wait, spin, note, mark)
