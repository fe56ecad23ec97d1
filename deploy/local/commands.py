"""Runs other programs to their end. Needs the standard library only."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from deploy.local.errors import LocalError


def output_of(command: Sequence[str], *, cwd: Path | None = None, umask: int = -1) -> str:
    """What it printed. Raises LocalError with the last line of what it said when it failed."""
    result = subprocess.run(command, cwd=cwd, umask=umask, capture_output=True, text=True, check=False)
    if result.returncode:
        lines = (result.stderr.strip() or result.stdout.strip()).splitlines() or ["no output"]
        raise LocalError(f"`{' '.join(command)}` failed: {lines[-1]}")
    return result.stdout
