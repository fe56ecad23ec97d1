"""Runs other programs to their end. Needs the standard library only."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from deploy.local.errors import LocalError

#: Of programs for root, as `useradd`: root by `su` without `-` has the PATH of a user, which lacks them.
ROOTS_PATH = ("/usr/sbin", "/sbin")


def program(name: str) -> str | None:
    """Where it is, if it is here: on the PATH, or where those for root are."""
    return shutil.which(name, path=_path())


def output_of(command: Sequence[str], *, cwd: Path | None = None, umask: int = -1) -> str:
    """What it printed. Raises LocalError with the last line of what it said when it failed."""
    if program(command[0]) is None:
        raise LocalError(f"`{command[0]}` is missing: install it, then run this again.")
    # Those for root call each other.
    env = {**os.environ, "PATH": _path()}
    result = subprocess.run(
        command, cwd=cwd, env=env, umask=umask, capture_output=True, text=True, check=False
    )
    if result.returncode:
        lines = (result.stderr.strip() or result.stdout.strip()).splitlines() or ["no output"]
        raise LocalError(f"`{' '.join(command)}` failed: {lines[-1]}")
    return result.stdout


def _path() -> str:
    return os.pathsep.join([os.environ.get("PATH", os.defpath), *ROOTS_PATH])
