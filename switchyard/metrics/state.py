"""Reads the state of each declared queue: one call of the management API, one of the database."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from switchyard.broker.declarations import DELAYED
from switchyard.broker.management import Management, Row
from switchyard.metrics.depths import COUNTS, Depth, depth_of, queue_names, whole
from switchyard.metrics.samples import QUERY, Sample, rate, samples_of, slope
from switchyard.metrics.waits import Wait, read_waits
from switchyard.queues import UNROUTABLE, QueueSpec
from switchyard.routing import QUEUES

#: A URL has at most some 8 KB.
LONGEST_PATTERN = 3000
STATISTICS = (
    *COUNTS,
    "messages",
    "messages_details",
    "message_stats.publish",
    "message_stats.publish_details",
    "message_stats.ack",
    "message_stats.ack_details",
    "message_stats.redeliver",
)


@dataclass(frozen=True, slots=True)
class QueueState:
    """One declared queue. Rates are messages a second over the last minute; None is what nobody can say."""

    name: str
    #: Whether the queue is on the broker. If not, all the broker could say is None.
    declared: bool
    #: Within which a message should begin to run.
    objective_seconds: int
    messages_ready: int | None = None
    messages_unacknowledged: int | None = None
    consumers: int | None = None
    #: Messages that entered, were done with and came back, since the queue's node started to count.
    published: int | None = None
    acknowledged: int | None = None
    redelivered: int | None = None
    publish_rate: float | None = None
    ack_rate: float | None = None
    #: Of ready and unacknowledged together; below 0 the queue drains. Delayed messages that become due are in
    #: it, which the publish rate leaves out, and so are dead letters, which the ack rate leaves out.
    growth_rate: float | None = None
    #: Ready and unacknowledged over the last minute, the oldest first: what a sparkline draws.
    depth_samples: tuple[Sample, ...] = ()
    #: Messages in the dead-letter queue, those in somebody's hand included.
    dead_letters: int | None = None
    #: Messages that are dead, and that the dead-letter queue, which is missing or full, has not taken.
    undelivered_dead: int | None = None
    #: Of the canary (switchyard/metrics/waits.py); None before the first, and while the database is away.
    oldest_wait_seconds: float | None = None
    canary_age_seconds: float | None = None

    @property
    def messages(self) -> int | None:
        if self.messages_ready is None or self.messages_unacknowledged is None:
            return None
        return self.messages_ready + self.messages_unacknowledged

    @property
    def drain_seconds(self) -> float | None:
        """Seconds until the queue is empty if the last minute goes on: ``messages / -growth_rate``.

        0 when it is empty, infinite when it does not shrink.
        """
        if self.messages is None or self.growth_rate is None:
            return None
        if self.messages == 0:
            return 0.0
        return self.messages / -self.growth_rate if self.growth_rate < 0 else math.inf

    @property
    def breach_seconds(self) -> float | None:
        """Seconds until who arrives has to wait longer than the objective, if the last minute goes on.

        Messages leave at ``out = max(ack_rate, -growth_rate)``, so who arrives waits ``ready / out``, which
        is the objective when ``objective * out`` are ready: ``(objective * out - ready) / growth_rate`` from
        now. 0 when that has been reached, or the oldest wait has; infinite when the queue does not grow.
        Where nothing leaves, who is there now waits on: what of the objective the oldest wait has left.
        """
        if self.messages_ready is None or self.growth_rate is None or self.ack_rate is None:
            return None
        waited = self.oldest_wait_seconds or 0.0
        out = max(self.ack_rate, -self.growth_rate)
        room = self.objective_seconds * out - self.messages_ready
        if waited >= self.objective_seconds:
            return 0.0
        if self.messages_ready == 0:
            return math.inf
        if out == 0:
            return self.objective_seconds - waited
        if room <= 0:
            return 0.0
        return room / self.growth_rate if self.growth_rate > 0 else math.inf


@dataclass(frozen=True, slots=True)
class Yard:
    """All queues at one moment, as the broker's statistics have it: up to 10 s old."""

    states: Mapping[str, QueueState]
    #: Of each declared queue and dead-letter queue that is on the broker.
    depths: Mapping[str, Depth]
    #: Retries and countdowns that wait for their time, of all queues together: they share their places.
    delayed: int | None

    @property
    def unroutable(self) -> int | None:
        """Messages that found no queue, those in somebody's hand included."""
        depth = self.depths.get(UNROUTABLE)
        return depth.messages if depth else None


def read_states(management: Management) -> dict[str, QueueState]:
    """Every queue of QUEUES, in their order. Raises ManagementError.

    A database that is away costs the waits alone.
    """
    yard, waits = read_yard(management), read_waits()
    return {name: with_wait(state, waits.get(name)) for name, state in yard.states.items()}


def read_yard(management: Management) -> Yard:
    """What the broker knows, by one call. Raises ManagementError."""
    # RabbitMQ counts what is in a quorum queue every 5 s, and gathers the counts every 5 s. The query for
    # totals alone (`disable_stats`) would skip the second wait, but it leaves the consumers out.
    rows = {row["name"]: row for row in _rows(management)}
    depths = {name: depth_of(rows[name]) for name in queue_names() if name in rows}
    states = {name: _state(spec, rows.get(name), depths) for name, spec in QUEUES.items()}
    return Yard(states, depths, _delayed(rows))


def _rows(management: Management) -> list[Row]:
    """Of our queues. Of any other in the vhost the broker would have to gather the history as well."""
    names = "|".join(map(re.escape, queue_names()))
    if len(names) > LONGEST_PATTERN:
        return management.rows("queues", ["name"], STATISTICS, **QUERY)
    return management.matching("queues", f"^({names}|{DELAYED}.*)$", ["name"], STATISTICS, **QUERY)


def with_wait(state: QueueState, wait: Wait | None) -> QueueState:
    if wait is None:
        return state
    oldest = wait.oldest_seconds(empty=state.messages == 0)
    return replace(state, oldest_wait_seconds=oldest, canary_age_seconds=wait.age_seconds)


def _state(spec: QueueSpec, row: Row | None, depths: Mapping[str, Depth]) -> QueueState:
    dead = depths.get(spec.dead_letter_queue)
    dead_letters = dead.messages if dead else None
    state = QueueState(spec.name, row is not None, spec.wait_objective_seconds, dead_letters=dead_letters)
    if row is None:
        return state
    depth, stats = depths[spec.name], row.get("message_stats") or {}
    history = samples_of(row.get("messages_details"))
    # The broker leaves out the statistics of what has never happened.
    known = depth.messages_ready is not None
    return replace(
        state,
        messages_ready=depth.messages_ready,
        messages_unacknowledged=depth.messages_unacknowledged,
        consumers=depth.consumers,
        undelivered_dead=_beyond(whole(row.get("messages")), depth),
        published=_count(stats, "publish", known=known),
        acknowledged=_count(stats, "ack", known=known),
        redelivered=_count(stats, "redeliver", known=known),
        publish_rate=_rate(stats, "publish", known=bool(history)),
        ack_rate=_rate(stats, "ack", known=bool(history)),
        growth_rate=slope(history),
        depth_samples=history,
    )


def _beyond(messages: int | None, depth: Depth) -> int | None:
    """RabbitMQ counts these among all messages of a queue, and neither as ready nor as unacknowledged."""
    return None if messages is None or depth.messages is None else max(0, messages - depth.messages)


def _count(stats: Mapping[str, Any], what: str, *, known: bool) -> int | None:
    return whole(stats.get(what, 0)) if known else None


def _rate(stats: Mapping[str, Any], what: str, *, known: bool) -> float | None:
    if what not in stats:
        return 0.0 if known else None
    return rate(samples_of(stats.get(f"{what}_details")))


def _delayed(rows: Mapping[str, Row]) -> int | None:
    counts = [whole(row.get("messages")) for name, row in rows.items() if name.startswith(DELAYED)]
    known = [count for count in counts if count is not None]
    return sum(known) if known or not counts else None
