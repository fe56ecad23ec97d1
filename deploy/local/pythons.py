"""The Pythons of this machine: those that run, on the PATH and where installers put them."""

import json
import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

OLDEST = (3, 11)
_NEWEST_MINOR = 20
#: Relative to the home of whoever installed them; a version that is not chosen is on no PATH.
_INSTALLERS = (".pyenv/versions/*/bin/python3", ".local/share/uv/python/*/bin/python3")
_ASK = "import json, sys; print(json.dumps([sys.executable, *sys.version_info[:3], sys.version_info[3]]))"


@dataclass(frozen=True, order=True)
class Python:
    version: tuple[int, int, int]
    path: str

    def __str__(self) -> str:
        return ".".join(map(str, self.version))


def pythons(path: str, home: Path | None = None) -> list[Python]:
    """Those of the PATH `path` and those that installers keep in `home`; the oldest first."""
    files = [file for pattern in _INSTALLERS for file in (home or Path.home()).glob(pattern)]
    return sorted({*on_path(path), *_running(files)})


def on_path(path: str) -> list[Python]:
    """Those that run, are released and are new enough; the oldest first."""
    names = ["python3", *(f"python3.{minor}" for minor in range(OLDEST[1], _NEWEST_MINOR))]
    return sorted(_running(Path(folder) / name for folder in path.split(os.pathsep) for name in names))


def _running(files: Iterable[Path]) -> set[Python]:
    """A name may be there and run nothing: an installer's, for a version that is not chosen."""
    answers = [_ask(file) for file in files if os.access(file, os.X_OK)]
    return {python for python in answers if python is not None}


def _ask(file: Path) -> Python | None:
    try:
        said = subprocess.run([file, "-c", _ASK], capture_output=True, text=True, check=True, timeout=20)
        path, major, minor, patch, level = json.loads(said.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    version = (int(major), int(minor), int(patch))
    return Python(version, str(path)) if level == "final" and version >= OLDEST else None
