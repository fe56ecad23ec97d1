"""The tools that check the manifests, of pinned versions, in .local/tools: wheels, and Go modules."""

import json
import os
import subprocess
from pathlib import Path

from deploy.cluster.engine import ROOT
from deploy.local.environment import ensure
from deploy.local.errors import LocalError
from deploy.local.home import make_folder

FOLDER = ROOT / ".local" / "tools"
LOCK = Path(__file__).with_name("requirements.txt")
KUBE_SCORE = "github.com/zegl/kube-score/cmd/kube-score@v1.20.0"


def tool(name: str) -> str:
    """The path of a tool of the lock file, which is installed if it is not there. Raises LocalError."""
    environment = FOLDER / "venv"
    make_folder(FOLDER)
    ensure(environment, LOCK)
    return str(environment / "bin" / name)


def kube_score() -> str:
    """Its path, built once. Raises LocalError."""
    binary = FOLDER / "bin" / "kube-score"
    if not binary.exists():
        environment = {**os.environ, "GOBIN": str(binary.parent), "GOFLAGS": ""}
        _go("install", KUBE_SCORE, env=environment)
    return str(binary)


def go_program(package: str, modules: Path, binary: Path, variables: dict[str, str]) -> Path:
    """Builds ``package`` as go.mod and go.sum in ``modules`` have it, unless ``binary`` is there already.

    ``variables`` are Go's own, given at link time. Takes many minutes for a large one. Raises LocalError.
    """
    if not binary.exists():
        partial = binary.with_name(binary.name + ".partial")
        flags = " ".join(["-s", "-w", *(f"-X={name}={value}" for name, value in variables.items())])
        # Without C: needs no compiler, and runs on any Linux. From outside, no flag may change what it is.
        environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOWORK": "off"}
        options = ["-trimpath", "-buildvcs=false", f"-ldflags={flags}", f"-o={partial}"]
        _go("build", *options, package, env=environment, folder=modules)
        partial.rename(binary)
    return binary


def go_version() -> str:
    """As ``go1.27.3``. Raises LocalError."""
    return _go("env", "GOVERSION", env=dict(os.environ)).strip()


def module(name: str) -> Path:
    """The folder of a Go module (``path@version``) in Go's own cache. Raises LocalError."""
    return Path(json.loads(_go("mod", "download", "-json", name, env=dict(os.environ)))["Dir"])


def _go(*arguments: str, env: dict[str, str], folder: Path = FOLDER) -> str:
    result = subprocess.run(
        [_go_command(), *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise LocalError(
            f"`go {' '.join(arguments)}` failed: {(result.stderr or result.stdout).strip()[-300:]}"
        )
    return result.stdout


def _go_command() -> str:
    """That of the lock file: its wheel has it beside its modules, not among the environment's programs."""
    python = tool("python")
    command = "import pathlib, go; print(pathlib.Path(go.__file__).with_name('bin') / 'go')"
    return subprocess.run([python, "-c", command], capture_output=True, text=True, check=True).stdout.strip()
