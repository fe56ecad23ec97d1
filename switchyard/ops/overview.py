"""Collects what somebody on call asks about each queue: which grows, since when, when is it empty?"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import DatabaseError, InterfaceError

from switchyard.broker.management import Management
from switchyard.deadline import BoundedRead
from switchyard.metrics.samples import Sample
from switchyard.metrics.state import QueueState, Yard, read_yard, with_wait
from switchyard.metrics.waits import read_waits
from switchyard.ops import timeouts
from switchyard.ops.history import Rise, read_histories, rise
from switchyard.outbox.backlog import Backlog
from switchyard.outbox.metrics import read_outbox
from switchyard.queues import QueueSpec
from switchyard.routing import QUEUES


@dataclass(frozen=True, slots=True)
class QueueOverview:
    spec: QueueSpec
    state: QueueState
    history: tuple[Sample, ...]
    #: Of the messages for it that are in the outbox; None if there are none, or nobody can say.
    outbox: Backlog | None

    @property
    def late(self) -> bool:
        """Whether something waits for longer than it should."""
        return (self.state.oldest_wait_seconds or 0.0) > self.spec.wait_objective_seconds

    @property
    def rise(self) -> Rise | None:
        return rise(self.history)


@dataclass(frozen=True, slots=True)
class Overview:
    queues: list[QueueOverview]
    #: What the broker is short of, so that it takes nothing from anybody: memory, disk.
    alarms: list[str]
    #: Retries and countdowns of all queues together.
    delayed: int | None
    #: Messages that found no queue when their time came.
    unroutable: int | None
    #: Messages that the broker refused for their own fault. None when the database is away.
    quarantined: int | None


@dataclass(frozen=True, slots=True)
class BrokerView:
    """What the broker says: without the database, so that a thread may read it."""

    yard: Yard
    alarms: list[str]
    histories: Mapping[str, tuple[Sample, ...]]


def read_broker(management: Management, minutes: int) -> BrokerView:
    """Three calls. Raises ManagementError."""
    alarms = [alarm for alarm, raised in management.alarms().items() if raised]
    return BrokerView(read_yard(management), alarms, read_histories(management, minutes))


def with_database(view: BrokerView) -> Overview:
    """The same with what only the database knows, as far as that answers."""
    waits, (waiting, quarantined) = read_waits(), _outbox()
    queues = [
        QueueOverview(
            spec,
            with_wait(view.yard.states[name], waits.get(name)),
            view.histories.get(name, ()),
            waiting.get(name),
        )
        for name, spec in QUEUES.items()
    ]
    return Overview(queues, view.alarms, view.yard.delayed, view.yard.unroutable, quarantined)


def _outbox() -> tuple[dict[str, Backlog], int | None]:
    try:
        found, quarantined = BoundedRead(read_outbox, timeouts.PAGE_SECONDS).result()
    except (TimeoutError, DatabaseError, InterfaceError):
        return {}, None
    return {backlog.queue: backlog for backlog in found}, quarantined
