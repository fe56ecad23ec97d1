"""A fresh clone of what is committed here, for one way of coming to it: whose, where and with what."""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.commands import output_of
from deploy.local.processes import signal_group
from deploy.local.pythons import Python

ROOT = Path(__file__).parents[2]
#: The PATH of an ordinary user, who may not enter root's folders.
COMMON_PATH = "/usr/local/bin:/usr/bin:/bin"
#: A HOME that root cannot write either.
UNWRITABLE = "/proc"
END_SECONDS = 60
#: Starts of variables that would make it another demo than a fresh machine's.
_NOT_PASSED_ON = ("MAKE", "MFLAGS", "PYTHON", "PYENV", "VIRTUAL_ENV", "XDG_", "DATABASE_URL", "BROKER_")


@dataclass(frozen=True)
class Way:
    """`mode` is that of the folder around all. A `user` is made for it; without, it is whoever runs this."""

    title: str
    python: Python
    folder: str = "."
    mode: int = 0o755
    umask: int = 0o022
    home: str = UNWRITABLE
    user: str | None = None

    def __str__(self) -> str:
        return (
            f"{self.title} (Python {self.python}, in {self.folder!r} under a folder of mode {self.mode:o}, "
            f"umask {self.umask:03o}, HOME {self.home})"
        )


@dataclass(frozen=True)
class Clone:
    way: Way
    around: Path

    @property
    def root(self) -> Path:
        return self.around / self.way.folder / "switchyard"

    @property
    def temporary(self) -> Path:
        return self.around / "tmp"

    def make(self, verb: str, *variables: str) -> bool:
        """Whether it passed. Interrupted, it lets the verb end in order."""
        process = subprocess.Popen(
            ["make", verb, f"PYTHON={self.way.python.path}", *variables],
            cwd=self.root,
            env=self._environment(),
            umask=self.way.umask,
            user=self.way.user,
            group=self.way.user,
            extra_groups=[] if self.way.user else None,
            start_new_session=True,
        )
        try:
            return process.wait() == 0
        except BaseException:
            signal_group(process.pid, signal.SIGTERM)
            process.wait()
            # What make's own child has started may end after make.
            self._wait_until_gone()
            raise

    def leftovers(self) -> list[str]:
        """What is there after `make clean` and should not be, a sentence for each."""
        files = [self.root / ".venv", self.root / ".local", *self.temporary.iterdir()]
        return [
            *(f"`make clean` left {file}" for file in files if os.path.lexists(file)),
            *(f"process {process} still runs" for process in self._processes()),
        ]

    def _environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(_NOT_PASSED_ON)}
        given = {"HOME": self.way.home, "TMPDIR": str(self.temporary)}
        return {**kept, **given, **({"PATH": COMMON_PATH} if self.way.user else {})}

    def _wait_until_gone(self) -> None:
        deadline = time.monotonic() + END_SECONDS
        while self._processes() and time.monotonic() < deadline:
            time.sleep(0.1)

    def _processes(self) -> list[str]:
        """Those that work in the folder or name it on their command line."""
        return [folder.name for folder in Path("/proc").glob("[0-9]*") if self._holds(folder)]

    def _holds(self, process: Path) -> bool:
        try:
            works_in = (process / "cwd").readlink()
            return works_in.is_relative_to(self.around) or bytes(self.around) in _command_line(process)
        except OSError:
            # It has ended, or is somebody else's.
            return False


@contextmanager
def fresh(way: Way) -> Iterator[Clone]:
    """A clone as the way has it; it is gone with the block, and so is its user."""
    with ExitStack() as undo:
        around = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="switchyard-demo-")))
        clone = Clone(way, around)
        around.chmod(way.mode)
        clone.temporary.mkdir()
        # No hard links: they would be given to the user in both.
        command = ["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(clone.root)]
        output_of(command, umask=way.umask)
        if way.user:
            output_of(["useradd", "--no-create-home", "--home-dir=/nonexistent", "--user-group", way.user])
            undo.callback(output_of, ["userdel", way.user])
            output_of(["chown", "--recursive", f"{way.user}:", str(around)])
        yield clone


def _command_line(process: Path) -> bytes:
    return (process / "cmdline").read_bytes()
