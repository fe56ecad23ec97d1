"""Counts messages and consumers of the declared queues."""

from dataclasses import dataclass

from switchyard.broker.management import Row
from switchyard.queues import UNROUTABLE
from switchyard.routing import QUEUES

COUNTS = ("messages_ready", "messages_unacknowledged", "consumers")


@dataclass(frozen=True, slots=True)
class Depth:
    """None is what the broker does not say: of a queue younger than about 10 s, or one without a leader."""

    messages_ready: int | None
    messages_unacknowledged: int | None
    consumers: int | None

    @property
    def messages(self) -> int | None:
        """Ready and unacknowledged together."""
        if self.messages_ready is None or self.messages_unacknowledged is None:
            return None
        return self.messages_ready + self.messages_unacknowledged


def queue_names() -> list[str]:
    """Each declared queue, followed by its dead-letter queue; and that of what found no queue."""
    return [*(name for spec in QUEUES.values() for name in (spec.name, spec.dead_letter_queue)), UNROUTABLE]


def depth_of(row: Row) -> Depth:
    """Of the management API's row of a queue."""
    return Depth(*(whole(row.get(key)) for key in COUNTS))


def whole(number: object) -> int | None:
    return number if isinstance(number, int) else None
