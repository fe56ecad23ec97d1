"""A real PgBouncer in transaction mode over the run's PostgreSQL: an installed one or the distribution's."""

import os
import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import psycopg

from deploy.local.cluster import _privileges
from deploy.local.errors import LocalError
from deploy.local.home import locked
from deploy.local.packages import Packages
from deploy.local.ports import LOOPBACK, free_ports
from deploy.local.processes import end, spawn

LOCAL = Path(__file__).parents[1] / ".local"
START_SECONDS = 30
#: What it links to and a small machine may lack, by every name that Debian and Ubuntu have had for it.
LIBRARIES = ("libevent-", "libc-ares", "libcares", "libldap")
#: Few connections, so that clients share them, and what a project would have in production.
SETTINGS = {
    "listen_addr": LOOPBACK,
    "unix_socket_dir": "",
    "auth_type": "scram-sha-256",
    "pool_mode": "transaction",
    "default_pool_size": 5,
    "max_client_conn": 500,
    "query_wait_timeout": 20,
    "server_login_retry": 1,
}


class PgBouncer:
    """Clients of ``url`` share a few connections to the server of ``target``, a transaction at a time."""

    def __init__(self, target: str, home: Path, **settings: Any) -> None:
        self._home = home
        self.target = target
        self._place = urlsplit(target)
        self.host, self.port = LOOPBACK, free_ports(1)[0]
        self._settings = SETTINGS | settings
        self._process: subprocess.Popen[bytes] | None = None
        self.log = home / "pgbouncer.log"
        account = self._place.netloc.rpartition("@")[0]
        self.url = self._place._replace(netloc=f"{account}@{self.host}:{self.port}").geturl()

    def configure(self, **settings: Any) -> None:
        """Write its file; what runs takes it with ``tell("RELOAD")``."""
        self._settings |= settings
        place = self._place
        users = self._home / "users.txt"
        users.write_text(f'"{place.username}" "{place.password}"\n')
        own = {"listen_port": self.port, "auth_file": users, "admin_users": place.username}
        lines = [f"{name} = {value}" for name, value in (self._settings | own).items()]
        database = f"* = host={place.hostname} port={place.port}"
        text = "\n".join(["[databases]", database, "[pgbouncer]", *lines])
        (self._home / "pgbouncer.ini").write_text(text)

    def start(self) -> None:
        """Start it, again on the same port; returns when it answers."""
        self.configure()
        program, libraries = _program()
        with self.log.open("ab") as output:
            self._process = spawn(
                [str(program), str(self._home / "pgbouncer.ini")],
                home=self._home,
                env={**os.environ, "LD_LIBRARY_PATH": libraries},
                output=output,
                privileges=_privileges(),
            )
        self._until_it_answers()

    def stop(self) -> None:
        """End it at once, as a node that is drained would: its clients are cut off."""
        if self._process:
            end(self._process, grace_seconds=5)

    def tell(self, command: str) -> list[Any]:
        """What it answers to a command of its console: SHOW POOLS, PAUSE, RESUME, RELOAD, RECONNECT."""
        console = self._place._replace(netloc=urlsplit(self.url).netloc, path="/pgbouncer").geturl()
        with psycopg.connect(console, autocommit=True, connect_timeout=5) as link:
            # Of the protocol's ways it takes the simple one, without arguments.
            cursor = psycopg.ClientCursor(link).execute(command)
            return cursor.fetchall() if cursor.description else []

    def __enter__(self) -> Self:
        self._home.mkdir(parents=True, exist_ok=True)
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _until_it_answers(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.tell("SHOW VERSION")
            except psycopg.OperationalError as error:
                ended = self._process is None or self._process.poll() is not None
                if ended or time.monotonic() > deadline:
                    raise LocalError(f"PgBouncer did not start ({error}): {self.log.read_text()}") from error
                time.sleep(0.05)
            else:
                return


def _program() -> tuple[Path, str]:
    """PGBOUNCER's, the machine's own, or the distribution's, and where its libraries are."""
    installed = os.environ.get("PGBOUNCER") or shutil.which("pgbouncer")
    if installed:
        return Path(installed), os.environ.get("LD_LIBRARY_PATH", "")
    if not Packages.available():
        raise LocalError("These tests need PgBouncer, and this system has no apt: install pgbouncer.")
    folder, packages = LOCAL / "pgbouncer", Packages(LOCAL / "apt")
    with locked(packages.state / "lock"):
        if not folder.exists():
            packages.unpack("pgbouncer", folder, dependencies=LIBRARIES)
    libraries = [str(path.parent) for path in folder.glob("usr/lib/*/libevent*.so*")][:1]
    return folder / "usr/sbin/pgbouncer", os.pathsep.join(libraries)
