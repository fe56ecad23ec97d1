"""`make on-call`: a shell beside the running `make up`, in which the runbooks' commands work."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.local.environment import VENV
from deploy.local.errors import LocalError
from deploy.local.kept import kept_environment
from deploy.local.stack import LOCAL, ROOT


def drill(fault: str, minutes: float) -> int:
    """Runs deploy/local/drill.py where the stack's settings are."""
    code = f"from deploy.local.drill import main; main({fault!r}, {minutes!r})"
    return on_call([sys.executable, "-m", "app", "shell", "--no-imports", "--command", code])


def on_call(command: Sequence[str], home: Path = LOCAL / "up") -> int:
    """Runs a shell, or the command, with the variables of the running `make up`."""
    variables = kept_environment(home)
    if not variables:
        raise LocalError("Nothing runs here: start it with `make up`, or name a cluster's: OVERLAY=local.")
    if not command:
        print("Beside `make up`: `python -m app doctor` first. `exit` ends it.", flush=True)
    told = list(command) or [os.environ.get("SHELL", "sh")]
    path = os.pathsep.join([str(VENV / "bin"), os.environ.get("PATH", os.defpath)])
    env = {**os.environ, **variables, "PATH": path}
    return subprocess.run(told, env=env, cwd=ROOT, check=False).returncode
