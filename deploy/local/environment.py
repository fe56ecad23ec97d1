"""The virtual environment `.venv` with everything of the lock file in it.

Needs the standard library only, since it runs before anything is installed.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from deploy.local.commands import output_of
from deploy.local.errors import LocalError
from deploy.local.home import check_space, locked, make_folder
from deploy.local.packages import Packages

ROOT = Path(__file__).parents[2]
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements-dev.txt"
LOCAL = ROOT / ".local"


def main() -> None:
    try:
        ensure(VENV, LOCK)
    except LocalError as error:
        sys.exit(str(error))


def ensure(venv: Path, lock: Path) -> None:
    """Makes `venv` what `lock` says for this Python; returns at once if it is that already."""
    make_folder(LOCAL)
    with locked(LOCAL / "environment.lock"):
        wanted = stamp(venv, lock.read_bytes(), sys.version)
        if _current_stamp(venv) != wanted:
            _rebuild(venv, lock)
            (venv / "stamp").write_text(wanted)


def stamp(venv: Path, lock: bytes, python: str) -> str:
    """What a finished environment was made of; its place too, for its scripts have it written in them."""
    return hashlib.sha256(b"\0".join([lock, python.encode(), str(venv).encode()])).hexdigest()


def _current_stamp(venv: Path) -> str:
    complete = (venv / "bin" / "python").exists() and (venv / "stamp").is_file()
    return (venv / "stamp").read_text() if complete else ""


def _rebuild(venv: Path, lock: Path) -> None:
    check_space(venv.parent)
    _say(f"Installing {lock.name} into {venv.name} (about a minute, once) ...")
    shutil.rmtree(venv, ignore_errors=True)
    pip = _make(venv)
    # A lock names all that is to be there.
    options = ["--quiet", "--disable-pip-version-check", "--no-input", "--require-hashes", "--no-deps"]
    if subprocess.run([*pip, "install", *options, "-r", str(lock)], check=False).returncode:
        raise LocalError(
            f"pip could not install {lock.name} (its reason is above): mend that, then run this again."
        )


def _make(venv: Path) -> list[str]:
    """Makes the empty environment, and returns the command that is its pip."""
    python = str(venv / "bin" / "python")
    try:
        output_of([sys.executable, "-m", "venv", str(venv)])
    except LocalError:
        # Debian keeps what venv needs to install pip in a package of its own.
        wheel = _distribution_pip(LOCAL / "pip-dist")
        output_of([sys.executable, "-m", "venv", "--clear", "--without-pip", str(venv)])
        return [python, str(wheel / "pip")]
    return [python, "-m", "pip"]


def _distribution_pip(folder: Path) -> Path:
    """The wheel of pip that Debian's own python3-venv would use, without installing that."""
    if not Packages.available():
        raise LocalError(
            f"{sys.executable} cannot make virtual environments: install its venv or ensurepip part."
        )
    if not folder.exists():
        Packages(LOCAL / "apt").unpack("python3-pip-whl", folder)
    wheels = sorted(folder.glob("usr/share/python-wheels/pip-*.whl"))
    if not wheels:
        raise LocalError(f"{folder} holds no wheel of pip: delete it, or install python3-venv.")
    return wheels[-1]


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
