"""Which core each process of a run may use, so that one that computes takes none from the others."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench import gauge


@contextmanager
def apart(folder: Path) -> Iterator[int]:
    """Everything that runs for the benchmark in this folder on the first core. Yields the last one.

    What is started inside inherits the first.
    """
    cores = os.sched_getaffinity(0)
    pin(_run(folder), {min(cores)})
    try:
        yield max(cores)
    finally:
        pin(_run(folder), cores)


def pin(pids: Iterable[int], cores: set[int]) -> None:
    for pid in pids:
        for thread in _numbers(Path(f"/proc/{pid}/task")):
            try:
                os.sched_setaffinity(thread, cores)
            except ProcessLookupError:
                continue


def descendants(pid: int) -> set[int]:
    """The process, what it has started, and what that has."""
    found, more = {pid}, {pid}
    while more := set().union(*map(gauge.family, more)) - found:
        found |= more
    return found


def _run(folder: Path) -> set[int]:
    """This process, the servers (their command lines name the folder), and what each has started."""
    named = {pid for pid in _numbers(Path("/proc")) if str(folder) in _command(pid)}
    return set().union(*map(descendants, named | {os.getpid()}))


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _numbers(folder: Path) -> list[int]:
    try:
        return [int(each.name) for each in folder.iterdir() if each.name.isdigit()]
    except FileNotFoundError:
        return []
