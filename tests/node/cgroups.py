"""The control groups of a run: the one thing of it that no namespace ends, and so deleted by name."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

HIERARCHIES = Path("/sys/fs/cgroup")
PREFIX = "switchyard-node-"
GONE_SECONDS = 30
#: Of the group above: a new group of version 1 has none, and then no process can be put into it.
INHERITED = ("cpuset.cpus", "cpuset.mems")
#: The run's share of a machine that does something else too, by version: a group counts as one process,
#: however many are in it, and a cluster that starves on that tells nothing of the service.
SHARES = {"cpu.shares": 8192, "cpu.weight": 800}


@contextmanager
def group() -> Iterator[str]:
    """Its name, in each hierarchy, until the end of the block; those of runs that were killed go first."""
    for left in {folder.name for root in hierarchies() for folder in root.glob(f"{PREFIX}*")}:
        if is_over(left):
            delete(left)
    name = f"{PREFIX}{os.getpid()}"
    try:
        yield name
    finally:
        delete(name)


def is_over(name: str) -> bool:
    """Whether the run of that group has ended, however it did."""
    return not Path(f"/proc/{name.removeprefix(PREFIX)}").exists()


def make(name: str) -> None:
    """With the groups above it, in each hierarchy."""
    for root in hierarchies():
        folder = root
        for part in name.strip("/").split("/"):
            folder = folder / part
            folder.mkdir(exist_ok=True)
            for file in INHERITED:
                if (folder / file).exists():
                    (folder / file).write_text((folder.parent / file).read_text())


def weigh(name: str) -> None:
    """Gives a group its share."""
    for folder in (root / name for root in hierarchies()):
        for file, share in SHARES.items():
            if (folder / file).exists():
                (folder / file).write_text(str(share))


def hierarchies() -> list[Path]:
    """One for each controller of version 1, or the only one of version 2."""
    if (HIERARCHIES / "cgroup.controllers").exists():
        return [HIERARCHIES]
    return [folder for folder in HIERARCHIES.iterdir() if folder.is_dir() and not folder.is_symlink()]


def delete(name: str) -> None:
    """The kernel lets an empty one go only once its last process is gone."""
    deadline = time.monotonic() + GONE_SECONDS
    while time.monotonic() < deadline:
        found = [folder for root in hierarchies() for folder in deepest_first(root / name)]
        if not found:
            return
        for folder in found:
            with suppress(OSError):
                folder.rmdir()
        time.sleep(0.1)


def deepest_first(folder: Path) -> list[Path]:
    if not folder.exists():
        return []
    below = [path for path in folder.rglob("*") if path.is_dir()]
    return [*sorted(below, key=lambda path: -len(path.parts)), folder]
