"""Names the queues in which messages wait until a person decides about them.

Those of one work queue have failed for good. Those in ``unroutable`` have not run: when their time came there
was no queue for them, as it had been removed, or its route renamed (switchyard/broker/policies.py).
"""

from dataclasses import dataclass

from switchyard.queues import UNROUTABLE
from switchyard.routing import QUEUES


@dataclass(frozen=True, slots=True)
class Place:
    """One such queue."""

    #: What ``--queue`` and the pages call it: the work queue whose dead letters it holds, or ``unroutable``.
    name: str
    #: Its name on the broker.
    queue: str


PLACES: dict[str, Place] = {
    **{spec.name: Place(spec.name, spec.dead_letter_queue) for spec in QUEUES.values()},
    UNROUTABLE: Place(UNROUTABLE, UNROUTABLE),
}


def places(name: str | None) -> list[Place]:
    """That of this name, or all."""
    return [PLACES[name]] if name else list(PLACES.values())
