"""Computes the room that messages need while nobody takes them, in the broker or in the outbox before it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from switchyard.ops.sizing import BUSY_SHARE, Load

#: Microseconds of CPU a row; `make bench`, part relay (tests/bench/RESULTS.md).
RELAY_US = 100
#: Bytes a message, and bytes a byte of its arguments; part footprint of the same, on RabbitMQ 4.3.
BROKER_DISK = (800, 1.15)
DATABASE_DISK = (900, 1.4)


@dataclass(frozen=True, slots=True)
class Room:
    """For what all queues get in ``hours`` during which no worker runs, or the broker is away. In bytes."""

    hours: float
    messages: int
    #: Of each node of the broker: every node of a quorum queue keeps all of it.
    broker_disk: int
    #: Of the outbox, if it is the broker that is away.
    database_disk: int
    #: Queues that refuse more before that time is over; what they refuse waits in the outbox.
    full: tuple[str, ...]


def room(loads: Sequence[Load], hours: float) -> Room:
    come = [math.ceil(load.rate * hours * 3600) for load in loads]
    each = list(zip(loads, come, strict=True))
    return Room(
        hours=hours,
        messages=sum(come),
        broker_disk=sum(_bytes(load, min(count, load.spec.max_length), BROKER_DISK) for load, count in each),
        database_disk=sum(_bytes(load, count, DATABASE_DISK) for load, count in each),
        full=tuple(load.spec.name for load, count in each if count > load.spec.max_length),
    )


def relays(loads: Sequence[Load]) -> int:
    """Relays that bring all of it to the broker, and one that may be away."""
    return 1 + max(1, math.ceil(sum(load.rate for load in loads) * RELAY_US / 1e6 / BUSY_SHARE))


def _bytes(load: Load, messages: int, cost: tuple[float, float]) -> int:
    a_message, a_byte = cost
    return math.ceil(messages * (a_message + a_byte * load.kilobytes * 1000))
