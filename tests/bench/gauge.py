"""What processes use, read from the kernel: seconds of CPU, and memory."""

import json
import os
import time
from pathlib import Path
from statistics import median

_TICKS = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """The process and its children."""
    found = [pid]
    try:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (thread / "children").read_text().split())
    except (FileNotFoundError, ProcessLookupError):
        # It, or a thread of it, has ended meanwhile.
        return found
    return found


def cpu_seconds(pid: int) -> float:
    """Of the process and its children, those that have ended included; it has steps of 10 ms."""
    return sum(map(_cpu_seconds_of, family(pid)))


def memory_mb(pid: int) -> float:
    """Of the process and its children, what they share counted once (Pss)."""
    return round(sum(map(_pss_kib, family(pid))) / 1024, 1)


def load() -> float:
    """Processes that ran or wanted to, over the last minute."""
    return round(os.getloadavg()[0], 1)


def yardstick_us() -> float:
    """Microseconds of CPU that one fixed piece of Python takes at this moment, to scale others by.

    A busy machine takes more CPU for the same work: its caches, and half its cores, are somebody else's.
    """
    taken = []
    for _ in range(50):
        began = time.thread_time()
        json.loads(json.dumps({str(number): [number, str(number)] for number in range(500)}))
        taken.append((time.thread_time() - began) * 1e6)
    return round(median(taken), 1)


def idle_share(seconds: float = 1.0) -> float:
    """How much of the machine nobody used while this looked."""
    before = _cpu_times()
    time.sleep(seconds)
    spent = [now - then for now, then in zip(_cpu_times(), before, strict=True)]
    return round(spent[3] / max(1, sum(spent)), 2)


def _cpu_seconds_of(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return sum(map(int, fields[11:15])) / _TICKS


def _pss_kib(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def _cpu_times() -> list[int]:
    return list(map(int, Path("/proc/stat").read_text().splitlines()[0].split()[1:9]))
