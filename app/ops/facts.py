"""What somebody on call asks about each queue: which one grows, since when, and when is it empty?"""

from collections.abc import Mapping
from dataclasses import dataclass

from app.broker.management import Management
from app.metrics.samples import Sample
from app.metrics.state import QueueState, Yard, read_yard, with_wait
from app.metrics.waits import read_waits
from app.ops.history import Rise, read_histories, rise
from app.outbox.backlog import Backlog, backlogs
from app.queues import QUEUES, QueueSpec


@dataclass(frozen=True, slots=True)
class QueueFacts:
    spec: QueueSpec
    state: QueueState
    history: tuple[Sample, ...]
    #: Of the messages for it that are in the outbox; None if there are none.
    outbox: Backlog | None

    @property
    def late(self) -> bool:
        """Whether something waits for longer than it should."""
        return (self.state.oldest_wait_seconds or 0.0) > self.spec.wait_objective_seconds

    @property
    def rise(self) -> Rise | None:
        return rise(self.history)


@dataclass(frozen=True, slots=True)
class Facts:
    queues: list[QueueFacts]
    #: Retries and countdowns of all queues together.
    delayed: int | None


@dataclass(frozen=True, slots=True)
class BrokerView:
    """What the broker says: without the database, so that a thread may read it."""

    yard: Yard
    histories: Mapping[str, tuple[Sample, ...]]


def read_broker(management: Management, minutes: int) -> BrokerView:
    """Two calls. Raises ManagementError."""
    return BrokerView(read_yard(management), read_histories(management, minutes))


def with_database(view: BrokerView) -> Facts:
    """The same with what only the database knows. Raises django.db.Error."""
    waits, waiting = read_waits(), {backlog.queue: backlog for backlog in backlogs()}
    queues = [
        QueueFacts(
            spec,
            with_wait(view.yard.states[name], waits.get(name)),
            view.histories.get(name, ()),
            waiting.get(name),
        )
        for name, spec in QUEUES.items()
    ]
    return Facts(queues, view.yard.delayed)
