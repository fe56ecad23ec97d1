"""What a pod holds in memory, counted as on a node that has no other pod of the image."""

import os
from pathlib import Path

from tests.rollout.pod import Pod

MIB = 1024


def held_mib(pod: Pod) -> int:
    """Its processes' own memory, what they share counted once, and the files that the largest maps."""
    found = [rollup(pid) for pid in processes(pod.popen.pid)]
    own = sum(one.get("Pss_Anon", 0) + one.get("Pss_Shmem", 0) for one in found)
    files = max((one.get("Rss", 0) - one.get("Anonymous", 0) for one in found), default=0)
    return (own + files) // MIB


def processes(group: int) -> list[int]:
    """Of a pod: those of its main process's group."""
    running = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [pid for pid in running if group_of(pid) == group]


def group_of(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None


def rollup(pid: int) -> dict[str, int]:
    """KiB by the kernel's own names; empty for a process that has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except (FileNotFoundError, ProcessLookupError):
        return {}
    return {name: int(value.split()[0]) for name, _, value in (line.partition(":") for line in lines)}
