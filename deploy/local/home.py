"""A folder with one owner: claimed, cleared of what a killed owner left running, released."""

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.errors import LocalError
from deploy.local.processes import end_marked

LEAST_FREE_BYTES = 1_000_000_000


@contextmanager
def claimed(home: Path) -> Iterator[Path]:
    """Makes `home` this process's alone until the end of the block; yields its absolute path."""
    home = home.absolute()
    make_folder(home)
    with (home / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LocalError(
                f"{home} is in use by {_holder(home)}: end it first, or use another copy."
            ) from None
        (home / "holder").write_text(f"process {os.getpid()}")
        end_marked(home)
        yield home


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Waits for its turn, so that two stacks that need the same download make it once."""
    with file.open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LocalError(
            f"{folder} cannot be made ({error.strerror}): give yourself write access to it."
        ) from None
    if not os.access(folder, os.W_OK):
        raise LocalError(
            f"{folder} cannot be written by you: give yourself write access to it, or delete it."
        )


def check_space(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE_BYTES:
        raise LocalError(
            f"{folder} has {free // 10**6} MB of free disk space and needs {LEAST_FREE_BYTES // 10**6}: "
            "free some, or run `make clean`."
        )


def kept_secret(file: Path, size_bytes: int = 16) -> str:
    """The secret in `file`, made on first use and readable by its owner only."""
    if not file.exists():
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
            handle.write(secrets.token_hex(size_bytes))
    return file.read_text()


def _holder(home: Path) -> str:
    try:
        return (home / "holder").read_text() or "another process"
    except OSError:
        return "another process"
