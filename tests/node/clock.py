"""A clock of its own for what runs on a node: no namespace has one, so each program asks a library instead.

By the distribution's libfaketime, which a container's loader puts before the C library's own clock. It
reaches neither the kubelet nor what is linked without a loader, and nothing of the service is.
"""

import json
from pathlib import Path
from typing import Any

from deploy.local.packages import Packages
from tests.node.images import FOLDER

LIBRARY = FOLDER / "libfaketime"
#: Where a container finds it, and what has its loader look there.
PLACE = "/run/libfaketime.so.1"
PRELOAD = "/etc/ld.so.preload"
#: Durations stay what they are: a clock that is ahead is no faster. What probes how old a file is asks the
#: kernel's clock, as the file's own date does.
VARIABLES = {"FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_ONLY_CMDS": "python"}


def library() -> Path:
    """Its file, unpacked if it is not there. Raises LocalError."""
    if not LIBRARY.exists():
        Packages(FOLDER.parent / "apt").unpack("libfaketime", LIBRARY)
    (found,) = LIBRARY.rglob("libfaketimeMT.so.1")
    return found


def specification(plain: str, config: Path, seconds: int) -> dict[str, Any]:
    """``plain``, what every container of a node begins with, with such a clock. Writes what it mounts."""
    (config / "ld.so.preload").write_text(f"{PLACE}\n")
    seen = f"/images/{library().relative_to(FOLDER)}"
    spec: dict[str, Any] = json.loads(plain)
    spec["mounts"] += [file(seen, PLACE), file("/config/ld.so.preload", PRELOAD)]
    variables = VARIABLES | {"FAKETIME": f"{seconds:+d}s"}
    spec["process"]["env"] = [f"{name}={value}" for name, value in variables.items()]
    return spec


def file(source: str, destination: str) -> dict[str, Any]:
    return {"source": source, "destination": destination, "type": "bind", "options": ["bind", "ro"]}
