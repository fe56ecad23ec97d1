"""What `make check` promises about the code, besides its tests. Reports all that fails, not the first."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from deploy.local.errors import LocalError
from deploy.local.locks import ROOT, outdated

#: Django's settings are read by mypy's plugin; nothing is connected to.
_PLACEHOLDERS = {
    "SECRET_KEY": "unused",
    "DATABASE_URL": "postgres://unused@localhost/unused",
    "BROKER_URL": "pyamqp://localhost//",
}
TOOLS = {
    "ruff check": ["ruff", "check", "--quiet", "."],
    "ruff format": ["ruff", "format", "--quiet", "--check", "."],
    "mypy": ["mypy", "--package=switchyard", "--package=app", "--package=deploy"],
    "README": ["pytest", "-q", "tests/test_readme.py"],
}


def main() -> None:
    before = _tree()
    failed = [name for name, command in TOOLS.items() if not _passes(name, command)]
    failed += [
        name for name, check in (("locks", _locks), ("clean tree", lambda: _unchanged(before))) if not check()
    ]
    if failed:
        sys.exit(f"make check: {', '.join(failed)} failed; see above.")
    print("make check: all passed.")


def _passes(name: str, command: list[str]) -> bool:
    print(f"== {name}", flush=True)
    env = {**os.environ, **_PLACEHOLDERS}
    return subprocess.run([sys.executable, "-m", *command], cwd=ROOT, env=env, check=False).returncode == 0


def _locks() -> bool:
    print("== locks", flush=True)
    try:
        with tempfile.TemporaryDirectory() as scratch:
            old = outdated(Path(scratch))
    except LocalError as error:
        old = [str(error)]
    if old:
        print(f"{', '.join(old)}: not what their sources give; run `make lock` and commit both.")
    return not old


def _unchanged(before: str) -> bool:
    print("== clean tree", flush=True)
    changes = sorted(set(_tree().splitlines()) ^ set(before.splitlines()))
    if changes:
        print("Running the checks changed the tree:", *changes, sep="\n  ")
    return not changes


def _tree() -> str:
    command = ["git", "status", "--porcelain", "--untracked-files=all"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    main()
