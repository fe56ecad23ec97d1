"""How a running stack is reached, written down for who comes later."""

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path

#: In the folder of a stack; its owner alone may read it.
FILE = "environment.json"


def keep_environment(home: Path, environment: Mapping[str, str]) -> None:
    file = home / FILE
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
        json.dump(dict(environment), handle)


def kept_environment(home: Path) -> dict[str, str]:
    """Empty if no stack runs in the folder, whatever one that has ended has left."""
    if not _held(home / "lock") or not (home / FILE).is_file():
        return {}
    found: dict[str, str] = json.loads((home / FILE).read_text())
    return found


def _held(lock: Path) -> bool:
    if not lock.is_file():
        return False
    with lock.open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
