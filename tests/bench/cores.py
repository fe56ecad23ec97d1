"""Which core each process of a run may use, so that one that computes takes none from the others."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


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
    parents = {each: _parent(each) for each in _numbers(Path("/proc"))}
    found = {pid}
    while more := {each for each, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def _run(folder: Path) -> set[int]:
    """This process, the servers (their command lines name the folder), and what each has started."""
    named = {pid for pid in _numbers(Path("/proc")) if str(folder).encode() in _read(pid, "cmdline")}
    return set().union(*map(descendants, named | {os.getpid()}))


def _parent(pid: int) -> int:
    fields = _read(pid, "stat").rpartition(b")")[2].split()
    return int(fields[1]) if fields else 0


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def _numbers(folder: Path) -> list[int]:
    try:
        return [int(each.name) for each in folder.iterdir() if each.name.isdigit()]
    except FileNotFoundError:
        return []
