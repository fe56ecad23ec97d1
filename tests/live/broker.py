"""A test's part of the broker: its vhost, how many messages wait there, and those that are dead."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import httpx
from kombu import Connection

from deploy.local.rabbitmq import Broker
from switchyard.deadletters.errors import given_up
from switchyard.deadletters.letter import DeadLetter
from switchyard.routing import QUEUES


@dataclass(frozen=True)
class Vhost:
    """A virtual host of the run's broker. ``url`` is what BROKER_URL would be."""

    name: str
    url: str
    management_url: str


@contextmanager
def own_vhost(broker: Broker) -> Iterator[Vhost]:
    """An empty one, which is gone after the block."""
    name = f"test-{uuid4().hex[:12]}"
    parts = urlsplit(broker.url)
    with httpx.Client(base_url=broker.management_url, timeout=30) as management:
        management.put(f"/api/vhosts/{name}").raise_for_status()
        rights = {"configure": ".*", "write": ".*", "read": ".*"}
        management.put(f"/api/permissions/{name}/{parts.username}", json=rights).raise_for_status()
        yield Vhost(name, urlunsplit(parts._replace(path=f"/{name}")), broker.management_url)
        management.delete(f"/api/vhosts/{name}").raise_for_status()


def waiting(channel: Any, queue: str) -> int:
    """Messages that are ready in a queue."""
    count: int = channel.queue_declare(queue, passive=True).message_count
    return count


def dead(channel: Any, queue: str = "io") -> int:
    """Those in the dead-letter queue of a work queue."""
    return waiting(channel, QUEUES[queue].dead_letter_queue)


def dead_letters(vhost: Vhost, queue: str, count: int) -> list[Any]:
    """Take ``count`` messages from the dead-letter queue, waiting for them."""
    with Connection(vhost.url) as connection:
        inbox = connection.SimpleQueue(QUEUES[queue].dead_letter_queue, queue_opts={"no_declare": True})
        found = [inbox.get(timeout=60) for _ in range(count)]
        for message in found:
            message.ack()
        inbox.close()
    return found


def reason(queue: str, message: Any) -> str:
    """Why a dead letter of a work queue died, as it is listed."""
    return DeadLetter(queue, message, given_up()).reason
