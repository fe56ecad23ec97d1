"""A real PostgreSQL for this machine: DATABASE_URL's, or a private server from a wheel."""

import os
import signal
import subprocess
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import psycopg

from deploy.local.cluster import Cluster, postgres_binaries
from deploy.local.errors import LocalError
from deploy.local.home import check_space, claimed, kept_secret
from deploy.local.ports import LOOPBACK, free_ports
from deploy.local.processes import end

USER = DATABASE = "switchyard"
START_SECONDS = 60


@dataclass
class Postgres:
    """A database that accepts connections at `url`. Without a server of ours it is someone else's."""

    url: str
    server: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)
    cluster: Cluster | None = field(default=None, repr=False)
    claims: ExitStack = field(default_factory=ExitStack, repr=False)

    def start(self) -> None:
        """Starts it again on the same port and data; returns when it accepts connections."""
        cluster = self._ours("started")
        parts = urlsplit(self.url)
        self.server = cluster.start(parts.port or 5432)
        _wait_until_ready(parts._replace(path="/postgres").geturl(), self, cluster.log)

    def kill(self) -> None:
        """Ends it as `pg_ctl stop -m immediate` does: nothing is flushed, every client is cut off."""
        self._ours("killed")
        if self.server is not None:
            end(self.server, grace_seconds=10, number=signal.SIGQUIT)

    def stop(self) -> None:
        """Ends it with everything it started; a database that was given is left alone."""
        if self.server is not None:
            # SIGTERM would wait for every client to leave first.
            end(self.server, grace_seconds=20, number=signal.SIGINT)
        self.claims.close()

    def _ours(self, verb: str) -> Cluster:
        if self.cluster is None:
            raise LocalError(
                f"The database of DATABASE_URL cannot be {verb} from here; unset it for a private one."
            )
        return self.cluster

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start_postgres(home: Path) -> Postgres:
    """A database that accepts connections: DATABASE_URL's, or a private one with all it has under `home`."""
    if os.environ.get("DATABASE_URL"):
        return Postgres(os.environ["DATABASE_URL"])
    with ExitStack() as claims:
        home = claims.enter_context(claimed(home))
        check_space(home)
        password = kept_secret(home / "password")
        cluster = Cluster(home, postgres_binaries(), USER)
        cluster.create(home / "password")
        account = f"{USER}:{password}@{LOOPBACK}:{free_ports(1)[0]}"
        postgres = Postgres(f"postgres://{account}/{DATABASE}", cluster=cluster)
        claims.callback(postgres.stop)
        postgres.start()
        postgres.claims = claims.pop_all()
    return postgres


def _wait_until_ready(url: str, postgres: Postgres, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _has_database(url):
        if postgres.server is None or postgres.server.poll() is not None or time.monotonic() > deadline:
            lines = "\n".join(f"  {line}" for line in log.read_text(errors="replace").splitlines()[-12:])
            raise LocalError(f"PostgreSQL did not start; {log} ends with:\n{lines}")
        time.sleep(0.05)


def _has_database(url: str) -> bool:
    """Makes the service's database on first use; false while the server does not accept connections."""
    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
            if known is None:
                connection.execute(f"CREATE DATABASE {DATABASE}")
    except psycopg.OperationalError:
        return False
    return True
