"""What a fault test starts, asks for, hurts, and reads in the end."""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from django.core.management import call_command
from django.db import connection, transaction
from kombu import Connection
from kombu.exceptions import OperationalError

from app.celery import app
from deploy.local.ports import LOOPBACK
from deploy.local.postgres import Postgres
from deploy.local.rabbitmq import Broker
from switchyard.deadletters.places import PLACES
from switchyard.outbox.models import Message
from tests.faults.checker import Fault, Verdict, verdict
from tests.faults.ledger.models import Effect, Execution, Promise
from tests.faults.proxy import Proxy
from tests.faults.stock import stock
from tests.faults.stock import tasks as _stock_tasks  # noqa: F401 - so that stock has them
from tests.faults.stock.late import late
from tests.live.broker import Vhost
from tests.live.processes import DEADLINE_SECONDS, Process, Processes, eventually

#: The module of the control's app.
STOCK = "tests.faults.stock"


@dataclass
class Services:
    """The roles of one test. ``faults`` is what has been done to them."""

    processes: Processes
    vhost: Vhost
    broker: Broker
    postgres: Postgres
    faults: list[Fault] = field(default_factory=list)

    def start(self, *roles: str, env: dict[str, str] | None = None) -> list[Process]:
        """Start roles side by side (``"worker io"``, ``"relay"``); returns when each of them works."""
        started = [self.processes.start(*role.split(), env=env) for role in roles]
        for process in started:
            self.processes.until_beating(process)
        return started

    def start_relay(self, env: dict[str, str] | None = None) -> Process:
        return self.processes.relay(env)

    def stock_worker(self, *arguments: str, of: str = STOCK, env: dict[str, str] | None = None) -> Process:
        """A worker of the control, by Celery's own command."""
        flags = ["--loglevel=INFO", "--without-gossip", "--without-mingle", *arguments]
        return self.celery("worker", *flags, ready=" ready.", of=of, env=env)

    def celery(
        self, *arguments: str, ready: str, of: str = STOCK, env: dict[str, str] | None = None
    ) -> Process:
        command = [sys.executable, "-m", "celery", "-A", of, *arguments]
        process = self.processes.start_command(command, env)
        eventually(lambda: ready in process.text(), what=f"{ready!r} in {process.log}")
        return process

    def failing(self, place: str, moment: str, call: int, lives: int, *role: str) -> Process:
        """A role that dies at ``place``, ``lives`` times over (tests/faults/failing.py)."""
        command = [sys.executable, "-m", "tests.faults.failing", place, moment, str(call), str(lives)]
        return self.processes.start_command([*command, "--", "app", *role])

    def post(self, task: str, prefix: str, count: int, failpoint: str = "") -> list[str]:
        """Make web requests, each in a process of its own; returns the keys answered 202."""
        command = [sys.executable, "-m", "tests.faults.posting", task, prefix, str(count)]
        process = self.processes.start_command(command, env={"FAILPOINT": failpoint})
        assert process.wait(300) == 0, process.text()
        return [line for line in process.text().splitlines() if line.startswith(f"{prefix}-")]

    def promise_stock(self, task: str, keys: Iterable[str], **kwargs: Any) -> list[str]:
        """The control's promise, made where Celery's ``delay`` returned: it said that the task was sent."""
        control = late if task in late.tasks else stock
        control.conf.broker_url = self.vhost.url
        forget_connections(control)
        sent: dict[str, float] = {}
        for key in keys:
            with suppress(OperationalError):
                control.tasks[task].delay(key, **kwargs)
                sent[key] = time.time()
        Promise.objects.bulk_create(Promise(key=key, at=at) for key, at in sent.items())
        return list(sent)

    @contextmanager
    def fault(self, kind: str) -> Iterator[None]:
        """Note that what happens in the block is a fault."""
        began = time.time()
        try:
            yield
        finally:
            self.faults.append(Fault(kind, began, time.time()))

    def kill(self, pid: int, kind: str) -> None:
        with self.fault(kind):
            os.kill(pid, signal.SIGKILL)

    def verdict(self, elsewhere: Iterable[str] = ()) -> Verdict:
        return verdict(self.faults, elsewhere=elsewhere)

    def through(self, proxy: Proxy) -> dict[str, str]:
        """The environment of a role that reaches the broker through the proxy."""
        parts = urlsplit(self.vhost.url)
        netloc = f"{parts.username}:{parts.password}@{LOOPBACK}:{proxy.port}"
        return {"BROKER_URL": urlunsplit(parts._replace(netloc=netloc))}

    @property
    def broker_port(self) -> int:
        port = urlsplit(self.vhost.url).port
        assert port
        return port

    def kill_broker(self) -> None:
        """SIGKILL and a new start, noted as one fault."""
        with self.fault("broker"):
            self.broker.kill()
            self.broker.start()

    def apply_topology(self) -> None:
        call_command("switchyard", "topology", "apply", verbosity=0)

    def dead_letters(self, queue: str) -> list[Any]:
        """Every message in the dead-letter queue, or in ``unroutable``; it keeps them."""
        found = []
        with Connection(self.vhost.url) as link:
            channel: Any = link.default_channel
            while message := channel.basic_get(PLACES[queue].queue):
                found.append(message)
        return found

    def waiting(self, queue: str) -> int:
        """Messages that are ready in a queue."""
        with Connection(self.vhost.url) as link:
            channel: Any = link.default_channel
            return int(channel.queue_declare(queue, passive=True).message_count)


def promise(task: str, keys: Iterable[str], **kwargs: Any) -> list[str]:
    """Promise each key and ask for its task, in one transaction each, as a request does."""
    return [promise_one(task, key, **kwargs) for key in keys]


def promise_one(task: str, key: str, **kwargs: Any) -> str:
    with transaction.atomic():
        Promise.objects.create(key=key, at=time.time())
        app.tasks[task].delay_on_commit(key, **kwargs)
    return key


def running() -> set[str]:
    """Keys whose task has begun and not ended."""
    return set(Execution.objects.filter(finished=None).values_list("key", flat=True))


def keys(prefix: str, count: int) -> list[str]:
    return [f"{prefix}-{number}" for number in range(count)]


@contextmanager
def steady(task: str, prefix: str, per_second: float, **kwargs: Any) -> Iterator[list[str]]:
    """Make promises at that rate, in a thread, while the block runs; yields the list that grows."""
    promised: list[str] = []
    stop = threading.Event()

    def run() -> None:
        try:
            while not stop.wait(1 / per_second):
                promised.append(promise_one(task, f"{prefix}-{len(promised)}", **kwargs))
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield promised
    finally:
        stop.set()
        thread.join()


def waiting_rows() -> int:
    """Rows of the outbox that the relay has yet to bring to the broker."""
    return Message.objects.filter(quarantined_at=None).count()


def forget_connections(of: Any) -> None:
    """Celery keeps the address that its pool was made for."""
    of.amqp._producer_pool = None
    of._pool = None


def key_of(message: Any) -> str:
    """The key that a ledger message is about."""
    args, kwargs, _ = json.loads(message.body)
    return str(args[0] if args else kwargs["key"])


def all_done(keys: Iterable[str], within: float = DEADLINE_SECONDS) -> None:
    """Wait until each key has its effect."""
    wanted = set(keys)

    def missing() -> set[str]:
        return wanted - set(Effect.objects.values_list("key", flat=True))

    eventually(lambda: not missing(), within=within, what=f"{len(missing())} effects missing")


def children(pid: int) -> list[int]:
    """The processes that ``pid`` has forked."""
    with open(f"/proc/{pid}/task/{pid}/children") as found:  # noqa: PTH123
        return [int(child) for child in found.read().split()]
