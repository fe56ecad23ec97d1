"""The service that is measured: its servers, roles and queues, and those of the control."""

import json
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from app.celery import app
from switchyard.outbox.models import Message
from switchyard.routing import QUEUES
from tests.bench import gauge
from tests.bench.stock import stock
from tests.live.processes import Process, Processes, eventually

#: Tasks that a worker runs before it is looked at: imports, caches and threads are paid once.
WARM_UP = 300
#: How long anything may take on a machine that others use too.
PATIENCE_SECONDS = 300


@dataclass
class Yard:
    processes: Processes
    #: Divides how often things are done, for a first look.
    share: float
    #: Of the broker's nodes; none where they are not this machine's processes.
    broker_pids: Sequence[int] = ()

    @property
    def folder(self) -> Path:
        return self.processes.folder

    def times(self, count: int) -> int:
        return max(20, int(count * self.share))

    def stock_worker(self, *arguments: str) -> Process:
        command = [sys.executable, "-m", "celery", "-A", "tests.bench.stock", "--quiet", "worker"]
        flags = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel=INFO"]
        process = self.processes.start_command([*command, *flags, *arguments])
        eventually(lambda: " ready." in process.text(), what=f"a ready worker in {process.log}")
        return process

    def accept(self, calls: Iterable[tuple[str, tuple[Any, ...]]]) -> None:
        """Put calls, by task name and arguments, into the outbox in one transaction."""
        with transaction.atomic():
            for name, arguments in calls:
                app.tasks[name].delay_on_commit(*arguments)

    def relay_all(self) -> None:
        """Bring the outbox to the broker with a relay that ends when it is empty."""
        relay = self.processes.relay()
        self.until_relayed()
        self.end(relay)

    def until_relayed(self, within: float = PATIENCE_SECONDS, last: Message | None = None) -> None:
        """Asks for the newest row by its key: any other would be sought among those that are gone already.

        Or for the row that is the ``last`` to be waited for.
        """
        last = last or Message.objects.order_by("-pk").first()
        left = Message.objects.filter(pk=last.pk if last else 0)
        eventually(lambda: not left.exists(), within=within, what="an empty outbox")

    def broker_cpu_seconds(self) -> float:
        """Of all nodes."""
        return sum(map(gauge.cpu_seconds, self.broker_pids))

    def send_stock(self, calls: Iterable[tuple[str, tuple[Any, ...]]]) -> None:
        with stock.connection_for_write() as broker, stock.amqp.Producer(broker) as producer:
            for name, arguments in calls:
                stock.tasks[name].apply_async(arguments, producer=producer)

    def mark_path(self) -> Path:
        return self.folder / f"mark-{time.monotonic_ns()}"

    def reading(self, path: Path) -> dict[str, Any]:
        """What the task ``mark`` wrote, when it has run."""
        eventually(path.exists, within=PATIENCE_SECONDS, what=f"{path.name}")
        found: dict[str, Any] = json.loads(path.read_text())
        return found

    def purge(self) -> None:
        """Empty the outbox and the queues."""
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE switchyard_outbox")
        with app.connection_for_write() as broker, broker.channel() as channel:
            for queue in QUEUES:
                channel.queue_purge(queue)

    def end(self, *processes: Process) -> None:
        for process in processes:
            process.kill_all()
