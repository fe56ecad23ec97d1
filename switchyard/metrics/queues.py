"""Turns what the broker and the canaries say of the queues into metrics."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from prometheus_client.metrics_core import Metric

from switchyard.metric import gauge, labelled
from switchyard.metrics.depths import COUNTS, queue_names
from switchyard.metrics.state import QueueState, Yard, with_wait
from switchyard.metrics.waits import Wait
from switchyard.routing import QUEUES


@dataclass(frozen=True, slots=True)
class Number:
    """One metric of each work queue."""

    name: str
    text: str
    of: Callable[[QueueState], float | None]
    counter: bool = False


NUMBERS = (
    Number("published", "Messages that entered.", lambda state: state.published, counter=True),
    Number("acknowledged", "Messages done with.", lambda state: state.acknowledged, counter=True),
    Number("redelivered", "Messages handed out again.", lambda state: state.redelivered, counter=True),
    Number("publish_rate", "Messages that enter, per second.", lambda state: state.publish_rate),
    Number("ack_rate", "Messages done with, per second.", lambda state: state.ack_rate),
    Number("drain_seconds", "Seconds until it is empty, at this rate.", lambda state: state.drain_seconds),
    Number("oldest_wait_seconds", "The longest wait.", lambda state: state.oldest_wait_seconds),
    Number("canary_age_seconds", "Since a canary came back.", lambda state: state.canary_age_seconds),
    Number("objective_seconds", "Within which a message is to begin.", lambda state: state.objective_seconds),
    Number("objective_breach_seconds", "Until the objective is broken.", lambda state: state.breach_seconds),
)
TEXTS = {
    "messages_ready": "Messages that wait for a worker.",
    "messages_unacknowledged": "Messages that a worker holds.",
    "consumers": "Consumers of the queue.",
}


def queue_metrics(yard: Yard | None, waits: Mapping[str, Wait] | None, up_seconds: float) -> Iterator[Metric]:
    """Yard and waits are None if they could not be read. A canary that never came back is as old as we."""
    if yard is not None:
        yield from _depths(yard)
        yield gauge("delayed_messages", "Retries and countdowns that wait for their time.", yard.delayed)
    states = [_state(name, yard, waits, up_seconds) for name in QUEUES]
    for number in NUMBERS:
        values = {state.name: number.of(state) for state in states}
        yield labelled(f"queue_{number.name}", number.text, "queue", values, counter=number.counter)


def _depths(yard: Yard) -> Iterator[Metric]:
    present = {name: float(name in yard.depths) for name in queue_names()}
    yield labelled("queue_declared", "Whether the queue is on the broker.", "queue", present)
    for count in COUNTS:
        values = {name: getattr(depth, count) for name, depth in yard.depths.items()}
        yield labelled(f"queue_{count}", TEXTS[count], "queue", values)


def _state(name: str, yard: Yard | None, waits: Mapping[str, Wait] | None, up_seconds: float) -> QueueState:
    unknown = QueueState(name, declared=False, objective_seconds=QUEUES[name].wait_objective_seconds)
    state = yard.states[name] if yard else unknown
    if waits is None:
        return state
    state = with_wait(state, waits.get(name))
    return state if state.canary_age_seconds is not None else replace(state, canary_age_seconds=up_seconds)
