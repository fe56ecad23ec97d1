"""A database and a broker of its own for a long run that is started by hand, in a folder that stays."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.node import Node
from deploy.local.postgres import Postgres, start_postgres
from deploy.local.rabbitmq import Broker, start_broker

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Servers:
    """``home`` is where their data, and the run's logs and results, are kept."""

    home: Path
    postgres: Postgres
    broker: Broker

    @property
    def broker_pids(self) -> list[int]:
        """Of the broker's own process; none where it is a container's or someone else's."""
        server = self.broker.server
        return [server.pid] if isinstance(server, Node) and server.pid else []


@contextmanager
def servers(run: str) -> Iterator[Servers]:
    """Both, until the block ends. ``run`` names the folder under ``.local``."""
    home = ROOT / ".local" / run / str(os.getpid())
    home.mkdir(parents=True)
    with (
        start_postgres(home / "postgres") as postgres,
        start_broker(home / "rabbitmq", log=home / "rabbitmq.log") as broker,
    ):
        yield Servers(home, postgres, broker)
