"""Says in one sentence what a queue's numbers come to."""

import math
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from switchyard.conf import conf
from switchyard.ops.format import count, duration, signed
from switchyard.ops.history import Rise
from switchyard.ops.overview import QueueOverview

#: Below this a queue neither grows nor drains, but breathes. Messages a second.
STEADY = 0.05


@dataclass(frozen=True, slots=True)
class Verdict:
    """``kind`` is good, warning or bad."""

    kind: str
    text: str


def verdict(facts: QueueOverview) -> Verdict:
    state = facts.state
    if not state.declared:
        return Verdict("bad", f"It is not on the broker: run `{conf.COMMAND} topology apply`.")
    if state.messages is None or state.growth_rate is None:
        return Verdict("warning", "The broker has not counted it yet (up to 10 s), or it has no leader.")
    if state.messages_ready and state.consumers == 0:
        return Verdict("bad", f"Nobody works on it: {count(state.messages_ready)} wait.{_grown(facts)}")
    if state.undelivered_dead:
        return Verdict("bad", f"{_undelivered(facts)}{_late(facts)}")
    if facts.rise and state.growth_rate > STEADY:
        kind = "bad" if facts.late else "warning"
        return Verdict(kind, f"Growing by {signed(state.growth_rate)}.{_grown(facts)}{_late(facts)}")
    return Verdict("bad" if facts.late else "good", f"{_ahead(facts)}{_late(facts)}")


def _undelivered(facts: QueueOverview) -> str:
    return (
        f"{count(facts.state.undelivered_dead)} dead letters wait for {facts.spec.dead_letter_queue}, which "
        f"is missing or full: run `{conf.COMMAND} topology check`."
    )


def _grown(facts: QueueOverview) -> str:
    found: Rise | None = facts.rise
    if found is None:
        return ""
    since = datetime.fromtimestamp(found.since, UTC)
    return (
        f" Grown for {duration(time.time() - found.since)}: "
        f"it held {count(found.depth)} at {since:%H:%M:%S} UTC."
    )


def _late(facts: QueueOverview) -> str:
    objective = duration(facts.spec.wait_objective_seconds)
    return f" A message waits for longer than {objective}." if facts.late else ""


def _ahead(facts: QueueOverview) -> str:
    left = facts.state.drain_seconds
    if not facts.state.messages:
        return "Nothing waits."
    if left is None or math.isinf(left) or (facts.state.growth_rate or 0) > -STEADY:
        return "Neither growing nor draining."
    return f"Draining: empty in about {duration(left)}."
