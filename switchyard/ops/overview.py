"""Collects what somebody on call asks about each queue: which grows, since when, when is it empty?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from switchyard.broker.management import Management
from switchyard.metrics.samples import Sample
from switchyard.metrics.state import QueueState, Yard, read_yard, with_wait
from switchyard.metrics.waits import waits
from switchyard.ops.fresh import Fresh, freshened, read_fresh, recent_growth
from switchyard.ops.history import Rise, read_histories, rise
from switchyard.ops.reading import Question, Reading, of_database
from switchyard.outbox.backlog import Backlog
from switchyard.outbox.metrics import read_outbox
from switchyard.queues import QueueSpec
from switchyard.routing import QUEUES

BROKER = "RabbitMQ's management API"

OUTBOX = Question("the outbox (PostgreSQL)", of_database(read_outbox))
WAITS = Question("the canaries' waits (PostgreSQL)", of_database(waits))


@dataclass(frozen=True, slots=True)
class QueueOverview:
    spec: QueueSpec
    state: QueueState
    history: tuple[Sample, ...]
    #: Of the messages for it that are in the outbox; None if there are none, or nobody can say.
    outbox: Backlog | None
    #: Which sources could be read: of the others all figures are unknown.
    broker_known: bool = True
    outbox_known: bool = True
    wait_known: bool = True

    @property
    def late(self) -> bool:
        """Whether something waits for longer than it should."""
        return (self.state.oldest_wait_seconds or 0.0) > self.spec.wait_objective_seconds

    @property
    def stuck(self) -> bool:
        """Whether something waits for longer than that before the broker."""
        return self.outbox is not None and self.outbox.oldest_seconds > self.spec.wait_objective_seconds

    @property
    def rise(self) -> Rise | None:
        return rise(self.history)

    @property
    def growth(self) -> float | None:
        """Where it is going now: over the last moments, or the last minute if they are not known."""
        recent = recent_growth(self.state.depth_samples)
        return self.state.growth_rate if recent is None else recent


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
    #: Who was asked for all of it, and when.
    sources: Sequence[Reading[Any]] = ()


@dataclass(frozen=True, slots=True)
class BrokerView:
    """What the broker says: without the database, so that a thread may read it."""

    yard: Yard
    alarms: list[str]
    histories: Mapping[str, tuple[Sample, ...]]
    fresh: Fresh


def read_broker(management: Management, minutes: int) -> BrokerView:
    """Five calls, the one whose answer ages soonest last. Raises ManagementError."""
    alarms = [alarm for alarm, raised in management.alarms().items() if raised]
    yard, histories = read_yard(management), read_histories(management, minutes)
    return BrokerView(yard, alarms, histories, read_fresh(management))


def collect(broker: Question[BrokerView]) -> Overview:
    """Ask all sources at once. What one of them does not say in time is unknown, and takes nothing along."""
    broker_says, outbox_says, waits_say = broker.begin(), OUTBOX.begin(), WAITS.begin()
    asked, outbox, waited = broker_says(), outbox_says(), waits_say()
    view = asked.value
    backlogs, quarantined = outbox.value or ([], None)
    waiting = {backlog.queue: backlog for backlog in backlogs}
    known = asked.value is not None, outbox.value is not None, waited.value is not None
    queues = []
    for name, spec in QUEUES.items():
        state, history = _on_broker(spec, view)
        with_its_wait = with_wait(state, (waited.value or {}).get(name))
        queues.append(QueueOverview(spec, with_its_wait, history, waiting.get(name), *known))
    delayed, unroutable, alarms = _together(view)
    return Overview(queues, alarms, delayed, unroutable, quarantined, (asked, outbox, waited))


def _on_broker(spec: QueueSpec, view: BrokerView | None) -> tuple[QueueState, tuple[Sample, ...]]:
    """Its state, and the history that is drawn, each up to the newest count."""
    if view is None:
        return QueueState(spec.name, True, spec.wait_objective_seconds), ()
    state = freshened(view.yard.states[spec.name], spec.dead_letter_queue, view.fresh)
    history = view.histories.get(spec.name, ())
    if history and state.messages is not None and view.fresh.at > history[-1][0]:
        history = (*history, (view.fresh.at, state.messages))
    return state, history


def _together(view: BrokerView | None) -> tuple[int | None, int | None, list[str]]:
    return (view.yard.delayed, view.yard.unroutable, view.alarms) if view else (None, None, [])
