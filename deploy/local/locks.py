"""The lock files: hash-checked, for every platform, naming no package index."""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from deploy.local.errors import LocalError

ROOT = Path(__file__).parents[2]
#: Each with what it is made from.
LOCKS = {
    "requirements.txt": ["pyproject.toml", "--group=service"],
    "requirements-librabbitmq.txt": ["pyproject.toml", "--group=service", "--extra=librabbitmq"],
    "requirements-dev.txt": ["pyproject.toml", "--group=service", "--group=dev", "--extra=librabbitmq"],
    "deploy/cluster/requirements.txt": ["deploy/cluster/requirements.in"],
    "tests/browser/requirements.txt": [
        "tests/browser/requirements.in",
        *(f"--no-emit-package={name}" for name in ("playwright", "pyee", "greenlet")),
    ],
}
_OPTIONS = [
    # The machine's own certificates: a network that checks its traffic has added its own there.
    "--system-certs",
    "--universal",
    "--python-version=3.11",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-header",
    "--quiet",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--upgrade", action="store_true", help="take the newest versions, not the locked ones"
    )
    arguments = parser.parse_args()
    for name in LOCKS:
        try:
            write(name, ROOT / name, ["--upgrade"] if arguments.upgrade else [])
        except LocalError as error:
            sys.exit(str(error))


def outdated(scratch: Path) -> list[str]:
    """The lock files that what they are made from no longer gives; leaves them as they are."""
    return [name for name in LOCKS if _rewritten(name, scratch) != (ROOT / name).read_bytes()]


def write(name: str, target: Path, options: list[str]) -> None:
    """Resolves into `target`, whose present versions are kept where they still fit."""
    command = [
        "uv",
        "pip",
        "compile",
        *LOCKS[name],
        *_OPTIONS,
        *options,
        f"--output-file={target}",
    ]
    result = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise LocalError(f"{name} cannot be resolved from {LOCKS[name][0]}: {result.stderr.strip()}")


def _rewritten(name: str, scratch: Path) -> bytes:
    target = scratch / name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ROOT / name, target)
    write(name, target, [])
    return target.read_bytes()


if __name__ == "__main__":
    main()
