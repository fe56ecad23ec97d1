"""Faults of a drill: each is caused, and looked at until somebody has mended it. Needs Django's settings."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from django.utils import timezone
from kombu import Connection, Exchange

from switchyard.broker.comparison import differences
from switchyard.broker.connection import opened
from switchyard.broker.live import live_topology
from switchyard.broker.management import Management
from switchyard.broker.topology import declared, version_of
from switchyard.outbox.models import Message
from switchyard.pooler import connected
from switchyard.postgresql.sessions import owner_of
from switchyard.queues import UNROUTABLE
from switchyard.routing import QUEUES

Mended = Callable[[], bool]


@dataclass(frozen=True)
class Fault:
    """``cause`` is entered with the drill, and takes back at its end what nobody has mended."""

    what: str
    #: The one whose runbook mends it.
    alert: str
    #: What that leads to.
    led: str
    cause: Callable[[], AbstractContextManager[Mended]]


@contextmanager
def locked() -> Iterator[Mended]:
    link = connected(application_name="psql of somebody who has gone home")
    link.autocommit = False
    link.execute("LOCK TABLE switchyard_outbox IN ACCESS EXCLUSIVE MODE")
    pid = link.info.backend_pid
    try:
        yield lambda: not owner_of(pid)
    finally:
        link.close()


@contextmanager
def queue_gone() -> Iterator[Mended]:
    name = list(QUEUES.values())[-1].dead_letter_queue
    with Management.from_settings() as management:
        wanted = declared(version_of(management.version()))
        management.delete("queues", name)
        yield lambda: not differences(wanted, live_topology(management))


@contextmanager
def quarantined() -> Iterator[Mended]:
    row = Message.objects.create(
        task_id="of-a-drill",
        task="drill.too_large",
        queue=next(iter(QUEUES)),
        headers="{}",
        properties="{}",
        body="[]",
        quarantined_at=timezone.now(),
        reason="of a drill: the message was too large for the broker",
    )
    rows = Message.objects.filter(pk=row.pk)
    try:
        yield lambda: not rows.exists()
    finally:
        rows.delete()


@contextmanager
def unroutable() -> Iterator[Mended]:
    headers = {"id": "of-a-drill", "task": "drill.of_a_queue_that_is_gone"}
    with opened() as link:
        producer = link.Producer(exchange=Exchange(""), routing_key=UNROUTABLE, auto_declare=False)
        producer.publish([[], {}, {}], headers=headers, serializer="json", delivery_mode=2)
        yield lambda: not _waiting(link)


def _waiting(link: Connection) -> int:
    channel: Any = link.default_channel
    return int(channel.queue_declare(UNROUTABLE, passive=True).message_count)


#: What the drill goes on over: a server that is being mended says nothing for a moment.
AWAY = (psycopg.Error, OSError)
FAULTS = {
    "lock": Fault(
        "Somebody's psql holds a lock on the outbox",
        "DatabaseUnreadable",
        "`python -m app database locks`, then `database end PID --yes`",
        locked,
    ),
    "queue": Fault(
        "Somebody has deleted a dead-letter queue",
        "TopologyDrift",
        "`python -m app topology check`, then `topology apply`",
        queue_gone,
    ),
    "quarantine": Fault(
        "A message is in quarantine",
        "OutboxQuarantine",
        "`python -m app outbox status`, then `outbox discard --task=drill --yes`",
        quarantined,
    ),
    "unroutable": Fault(
        "Accepted work has found no queue",
        "UnroutableMessages",
        "`python -m app deadletters list --queue=unroutable`, then `discard --queue=unroutable --yes`",
        unroutable,
    ),
}
