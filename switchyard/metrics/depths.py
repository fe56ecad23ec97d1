"""Counts messages and consumers of the declared queues."""

from dataclasses import dataclass

from switchyard.broker.management import Row
from switchyard.routing import QUEUES

COUNTS = ("messages_ready", "messages_unacknowledged", "consumers")


@dataclass(frozen=True, slots=True)
class Depth:
    """None is what the broker does not say: of a queue younger than about 10 s, or one without a leader."""

    messages_ready: int | None
    messages_unacknowledged: int | None
    consumers: int | None


def queue_names() -> list[str]:
    """Each declared queue, followed by its dead-letter queue."""
    return [name for spec in QUEUES.values() for name in (spec.name, spec.dead_letter_queue)]


def depth_of(row: Row) -> Depth:
    """Of the management API's row of a queue."""
    return Depth(*(whole(row.get(key)) for key in COUNTS))


def whole(number: object) -> int | None:
    return number if isinstance(number, int) else None
