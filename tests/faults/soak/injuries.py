"""The kinds of fault of the soak. Each does its harm, waits for its own length, and mends what it must."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Any
from urllib.parse import quote

import httpx
import psycopg

from app.queues import IO
from deploy.local.postgres import Postgres
from deploy.local.rabbitmq import Broker
from tests.faults.proxy import Proxy
from tests.faults.services import children
from tests.faults.soak.roles import Role, Roles

#: Seconds that a process stays frozen, an alarm lasts, a queue stays full, an answer stays slow.
LENGTH_SECONDS = 6
#: That a broker which was stopped in order is away.
AWAY_SECONDS = 1


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


def _kill(prefix: str) -> Callable[[Scene], bool]:
    def harm(scene: Scene) -> bool:
        role = scene.one(prefix)
        if role:
            role.kill_all()
        return role is not None

    return harm


def _kill_child(prefix: str, number: int) -> Callable[[Scene], bool]:
    def harm(scene: Scene) -> bool:
        role = scene.one(prefix)
        found = children(role.pid) if role else []
        if found:
            _signal(scene.random.choice(found), number)
        return bool(found)

    return harm


def _freeze(prefix: str) -> Callable[[Scene], bool]:
    def harm(scene: Scene) -> bool:
        role = scene.one(prefix)
        if role is None:
            return False
        pid = role.pid
        _signal(pid, signal.SIGSTOP)
        time.sleep(LENGTH_SECONDS * 1.5)
        _signal(pid, signal.SIGCONT)
        return True

    return harm


def _roll(prefix: str, grace_seconds: float) -> Callable[[Scene], bool]:
    """SIGTERM, and SIGKILL after the grace."""

    def harm(scene: Scene) -> bool:
        role = scene.one(prefix)
        if role is None or role.process is None:
            return False
        process = role.process
        _signal(process.pid, signal.SIGTERM)
        with suppress(Exception):
            process.wait(grace_seconds)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        return True

    return harm


def _cut(prefix: str) -> Callable[[Scene], bool]:
    return lambda scene: scene.proxy(prefix).cut() > 0


def _forget(prefix: str) -> Callable[[Scene], bool]:
    return lambda scene: scene.proxy(prefix).forget() > 0


def _slow(prefix: str) -> Callable[[Scene], bool]:
    def harm(scene: Scene) -> bool:
        proxy = scene.proxy(prefix)
        proxy.answers_delay_seconds = 0.3
        time.sleep(LENGTH_SECONDS)
        proxy.answers_delay_seconds = 0
        return True

    return harm


def _kill_broker(scene: Scene) -> bool:
    scene.broker.kill()
    scene.broker.start()
    return True


def _stop_broker_in_order(scene: Scene) -> bool:
    scene.broker.ctl("stop_app")
    time.sleep(AWAY_SECONDS)
    scene.broker.ctl("start_app")
    return True


def _close_connections(scene: Scene) -> bool:
    scene.broker.ctl("close_all_connections", "--vhost", scene.vhost, "fault")
    return True


def _alarm(set_it: list[str], clear_it: list[str]) -> Callable[[Scene], bool]:
    def harm(scene: Scene) -> bool:
        scene.broker.ctl(*set_it)
        try:
            time.sleep(LENGTH_SECONDS)
        finally:
            scene.broker.ctl(*clear_it)
        return True

    return harm


def _fill_queue(scene: Scene) -> bool:
    where = f"/api/policies/{quote(scene.vhost, safe='')}/switchyard-{IO.name}"
    with httpx.Client(base_url=scene.broker.management_url, timeout=30, trust_env=False) as http:
        policy = http.get(where).raise_for_status().json()
        full = policy | {"definition": policy["definition"] | {"max-length": 1}}
        http.put(where, json=full).raise_for_status()
        try:
            time.sleep(LENGTH_SECONDS)
        finally:
            http.put(where, json=policy).raise_for_status()
    return True


def _stop_database(scene: Scene) -> bool:
    scene.postgres.kill()
    time.sleep(scene.random.uniform(0, 3))
    scene.postgres.start()
    return True


def _end_sessions(scene: Scene) -> bool:
    with psycopg.connect(scene.database_url, autocommit=True) as link:
        link.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    return True


def _forget_transaction(scene: Scene) -> bool:
    """A BEGIN that stays until the next one, or the database's end: what is deleted meanwhile is kept for it.

    It has written to the outbox too, under a number that others pass; that is rolled back.
    """
    if scene.forgotten is not None:
        scene.forgotten.close()
    scene.forgotten = psycopg.connect(scene.database_url)
    scene.forgotten.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM switchyard_outbox LIMIT 1")
    scene.forgotten.execute(_NEVER)
    return True


def _crash_backend(scene: Scene) -> bool:
    """SIGKILL of one server process: PostgreSQL ends all sessions and recovers."""
    with psycopg.connect(scene.database_url, autocommit=True) as link:
        query = (
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        found = [pid for (pid,) in link.execute(query)]
    if found:
        _signal(scene.random.choice(found), signal.SIGKILL)
    return bool(found)


def _fill_pools(scene: Scene) -> bool:
    """Have every transaction of a task wait for a table, with its connection."""
    with psycopg.connect(scene.database_url) as link:
        link.execute("LOCK TABLE ledger_execution IN ACCESS EXCLUSIVE MODE")
        time.sleep(LENGTH_SECONDS)
    return True


def _refuse_writes(scene: Scene) -> bool:
    """What a switchover is for who is left at the old primary: it answers, and takes no writes."""
    with psycopg.connect(scene.database_url, autocommit=True) as link:
        link.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        link.execute("SELECT pg_reload_conf()")
        try:
            time.sleep(LENGTH_SECONDS)
        finally:
            link.execute("ALTER SYSTEM RESET default_transaction_read_only")
            link.execute("SELECT pg_reload_conf()")
    return True


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


MEMORY = (["set_vm_memory_high_watermark", "absolute", "1MB"], ["set_vm_memory_high_watermark", "0.4"])
DISK = (["set_disk_free_limit", "90000GB"], ["set_disk_free_limit", "50MB"])

#: A row that no relay could send; nobody ever sees it.
_NEVER = (
    "INSERT INTO switchyard_outbox (task_id, task, queue, headers, properties, body)"
    " VALUES ('never', 'never', 'never', '{}', '{}', '')"
)

INJURIES = (
    Injury("web killed", "web", 6, _kill("web")),
    Injury("web child killed", "web", 6, _kill_child("web", signal.SIGKILL)),
    Injury("web replaced", "", 3, _roll("web", 10)),
    Injury("relay killed", "relay", 10, _kill("relay")),
    Injury("relay frozen", "", 3, _freeze("relay")),
    Injury("relay cut off", "", 3, _cut("relay")),
    Injury("relay half-open", "", 3, _forget("relay")),
    Injury("relay's broker slow", "", 2, _slow("relay")),
    Injury("beat killed", "beat", 8, _kill("beat")),
    Injury("beat frozen", "", 3, _freeze("beat")),
    Injury("io worker killed", "worker", 10, _kill("io")),
    Injury("io worker frozen", "", 2, _freeze("io")),
    Injury("io worker replaced", "", 4, _roll("io", 30)),
    Injury("io worker's grace over", "worker", 4, _roll("io", 0.2)),
    Injury("io worker cut off", "", 3, _cut("io")),
    Injury("io worker half-open", "", 2, _forget("io")),
    Injury("cpu worker killed", "worker", 8, _kill("cpu")),
    Injury("cpu worker frozen", "", 2, _freeze("cpu")),
    Injury("cpu worker replaced", "", 4, _roll("cpu", 30)),
    Injury("cpu worker cut off", "", 3, _cut("cpu")),
    Injury("cpu child killed", "child", 12, _kill_child("cpu", signal.SIGKILL)),
    Injury("cpu child crashed", "child", 8, _kill_child("cpu", signal.SIGSEGV)),
    Injury("broker killed", "broker", 8, _kill_broker),
    Injury("broker stopped in order", "", 2, _stop_broker_in_order),
    Injury("broker closed connections", "", 3, _close_connections),
    Injury("memory alarm", "", 3, _alarm(*MEMORY)),
    Injury("disk alarm", "", 3, _alarm(*DISK)),
    Injury("queue full", "", 3, _fill_queue),
    Injury("database stopped", "database", 8, _stop_database),
    Injury("database sessions ended", "", 3, _end_sessions),
    Injury("pools full", "", 3, _fill_pools),
    Injury("database without writes", "", 4, _refuse_writes),
    Injury("database transaction forgotten", "", 3, _forget_transaction),
    Injury("database process killed", "database", 4, _crash_backend),
)
