"""A memory limit with the kernel's own killer behind it."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.live.processes import eventually

_V1 = Path("/sys/fs/cgroup/memory")
_V2 = Path("/sys/fs/cgroup")


@contextmanager
def limited_memory(pids: list[int], megabytes: int) -> Iterator[Path]:
    """Put processes, and all they will start, into a cgroup of that size; yields its folder.

    Needs root and a writable memory controller (v1 or v2), which CI has.
    """
    home = _V1 if (_V1 / "cgroup.procs").exists() else _V2
    limit = "memory.limit_in_bytes" if home == _V1 else "memory.max"
    group = home / f"switchyard-{secrets.token_hex(4)}"
    try:
        group.mkdir()
        (group / limit).write_text(str(megabytes * 1_000_000))
    except OSError as error:
        pytest.fail(f"No memory cgroup can be made in {home} ({error.strerror}): run this as root.")
    try:
        for pid in pids:
            (group / "cgroup.procs").write_text(str(pid))
        yield group
    finally:
        eventually(lambda: _removed(group), what=f"an empty {group}")


def killed(group: Path) -> int:
    """How many processes of the group the kernel has killed for want of memory."""
    for name in ("memory.oom_control", "memory.events"):
        if (group / name).exists():
            lines = dict(line.split() for line in (group / name).read_text().splitlines())
            return int(lines["oom_kill"])
    return 0


def _removed(group: Path) -> bool:
    """False while a process that is being born, or ended, still counts as one of the group's."""
    for pid in (group / "cgroup.procs").read_text().split():
        _put_back(group.parent, pid)
    try:
        group.rmdir()
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        return False
    return True


def _put_back(home: Path, pid: str) -> None:
    if Path(f"/proc/{pid}").exists() and int(pid) != os.getpid():
        (home / "cgroup.procs").write_text(pid)
