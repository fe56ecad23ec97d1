"""A second name of `.local`, for programs that cannot take its own.

RabbitMQ's scripts split a path at its blanks, its plugins are not found under `[a]`, and what Erlang makes of
an umlaut depends on the locale; a clone may well be in a folder that is named so.
"""

import os
import re
import tempfile
from pathlib import Path

from deploy.local.errors import LocalError
from deploy.local.home import locked

#: `private` in it is a link to the folder that has the alias, so that `make clean` finds that.
LOCAL = Path(__file__).parents[2] / ".local"
_PLAIN = re.compile(r"[A-Za-z0-9/._+@-]+")


def plain(folder: Path, local: Path = LOCAL) -> Path:
    """The same folder by a path of letters, digits and `/._+@-`: its own, or one through `local`'s alias."""
    if _is_plain(folder):
        return folder
    if not folder.is_relative_to(local):
        raise LocalError(
            f"RabbitMQ cannot run in {folder}, only in a path of ASCII letters, digits and ._+@-: "
            "set TMPDIR to one, or move this copy to one."
        )
    return _alias(local) / folder.relative_to(local)


def _is_plain(folder: Path) -> bool:
    return _PLAIN.fullmatch(str(folder)) is not None


def _alias(local: Path) -> Path:
    """Made once in a new folder that only we may enter: nobody can put something else in its place."""
    remembered = local / "private"
    with locked(local / "private.lock"):
        if not _is_ours(remembered, local):
            private = _new_folder()
            (private / "local").symlink_to(local)
            remembered.unlink(missing_ok=True)
            remembered.symlink_to(private)
        return remembered.readlink() / "local"


def _is_ours(remembered: Path, local: Path) -> bool:
    """Whether it is still there: a system empties its temporary folder, and others may then take the name."""
    try:
        private = remembered.readlink()
        found = private.lstat()
        target = (private / "local").readlink()
    except OSError:
        return False
    return (found.st_uid, found.st_mode & 0o77777) == (os.geteuid(), 0o40700) and target == local


def _new_folder() -> Path:
    parent = Path(tempfile.gettempdir())
    if not _is_plain(parent):
        raise LocalError(
            f"TMPDIR ({parent}) must be a path of ASCII letters, digits and ._+@-, for this copy's is none."
        )
    return Path(tempfile.mkdtemp(prefix="switchyard-", dir=parent))
