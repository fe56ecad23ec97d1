"""A standby of the run's PostgreSQL, and the switchover that makes the two change places."""

import os
import shutil
import signal
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import psycopg

from deploy.local.cluster import Cluster, postgres_binaries
from deploy.local.ports import LOOPBACK, free_ports
from deploy.local.postgres import USER, Postgres
from deploy.local.processes import end
from tests.live.processes import eventually


class Pair:
    """``first`` is the primary at the start and in the end; ``second`` is its standby meanwhile."""

    def __init__(self, first: Postgres, folder: Path) -> None:
        assert first.cluster
        self.first = first
        self._data = first.cluster.data
        home = folder / "second"
        home.mkdir()
        cluster = Cluster(home, postgres_binaries(), USER)
        place = urlsplit(first.url)
        account, self.port = place.netloc.rpartition(":")[0], free_ports(1)[0]
        self.second = Postgres(place._replace(netloc=f"{account}:{self.port}").geturl(), cluster=cluster)

    def switch_over(self) -> None:
        """Stop the primary in order, promote its standby, and have the old one follow the new one."""
        self._stop(self.first)
        self._promote(self.second)
        follow = f"host={LOOPBACK} port={self.port} user={USER} password={urlsplit(self.first.url).password}"
        with (self._data / "postgresql.auto.conf").open("a") as settings:
            settings.write(f"primary_conninfo = '{follow}'\n")
        (self._data / "standby.signal").touch()
        self.first.start()

    def __enter__(self) -> Self:
        assert self.second.cluster
        data = self.second.cluster.data
        command = [postgres_binaries() / "pg_basebackup", f"--dbname={self.first.url}", "--pgdata", data]
        options = ["--write-recovery-conf", "--checkpoint=fast"]
        subprocess.run([*command, *options], check=True, capture_output=True)
        owner = self._data.stat()
        for path in [data, *data.rglob("*")]:
            os.chown(path, owner.st_uid, owner.st_gid)
        self.second.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop(self.second)
        if (self._data / "standby.signal").exists():
            self._promote(self.first)
        shutil.rmtree(self.second.cluster.home)  # type: ignore[union-attr]

    def _stop(self, server: Postgres) -> None:
        if server.server:
            end(server.server, grace_seconds=20, number=signal.SIGINT)

    def _promote(self, server: Postgres) -> None:
        with psycopg.connect(server.url, autocommit=True) as link:
            link.execute("SELECT pg_promote()")
            eventually(lambda: link.execute("SELECT pg_is_in_recovery()").fetchone() == (False,))
