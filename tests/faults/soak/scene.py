"""What the soak hurts, and what an injury is."""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Any

import psycopg

from deploy.local.postgres import Postgres
from deploy.local.rabbitmq import Broker
from tests.faults.proxy import Proxy
from tests.faults.soak.roles import Role, Roles

#: Seconds that a process stays frozen, an alarm lasts, a queue stays full, an answer stays slow.
LENGTH_SECONDS = 6


@dataclass
class Scene:
    roles: Roles
    broker: Broker
    postgres: Postgres
    database_url: str
    proxies: dict[str, Proxy]
    vhost: str
    random: Random
    #: Somebody's transaction that was never ended.
    forgotten: "psycopg.Connection[Any] | None" = None

    def proxy(self, prefix: str) -> Proxy:
        """That between the broker and one of the roles of this name."""
        return self.random.choice([proxy for name, proxy in self.proxies.items() if name.startswith(prefix)])

    def one(self, prefix: str) -> Role | None:
        found = self.roles.named(prefix)
        return self.random.choice(found) if found else None


@dataclass(frozen=True)
class Injury:
    name: str
    #: What dies by it: web, relay, beat, worker, child, broker, database; empty if nothing does.
    kills: str
    #: How often it is chosen, beside the others.
    weight: int
    #: Returns whether there was anything to harm.
    harm: Callable[[Scene], bool]


def send(pid: int, number: int) -> None:
    """A signal, to a process that may be gone."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)
