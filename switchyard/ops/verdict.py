"""Says in one sentence what a queue's numbers come to, and what all of a page comes to."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from switchyard.conf import conf
from switchyard.ops.format import amount, count, duration, signed
from switchyard.ops.history import Rise
from switchyard.ops.overview import Overview, QueueOverview
from switchyard.ops.reading import Reading
from switchyard.outbox.backlog import Backlog
from switchyard.routing import QUEUES

#: Below this a queue neither grows nor drains, but breathes. Messages a second.
STEADY = 0.05
#: The worst first.
KINDS = ("bad", "warning", "good")


@dataclass(frozen=True, slots=True)
class Verdict:
    """``kind`` is one of KINDS. What is not known is bad."""

    kind: str
    text: str

    @property
    def rank(self) -> int:
        return KINDS.index(self.kind)


def verdict(facts: QueueOverview) -> Verdict:
    """The worst of its parts, each of which says its sentence."""
    parts = [_of_the_broker(facts), *_dead(facts), *_before_the_broker(facts)]
    parts.sort(key=lambda part: part.rank)
    worst = parts[0].kind
    said = [part.text for part in parts if part.kind != "good"] or [part.text for part in parts]
    return Verdict(worst, " ".join(said))


def together(facts: Overview) -> Verdict:
    """Of a whole page: the worst of its parts, and how many of them there are."""
    parts = [*_of_all(facts), *_of_queues(facts)]
    parts.sort(key=lambda part: part.rank)
    if not parts:
        return Verdict("good", f"All {len(facts.queues)} queues are well.")
    return Verdict(parts[0].kind, " ".join(part.text for part in parts))


def of_outbox(read: Reading[tuple[list[Backlog], int]]) -> Verdict:
    """Of the page of the outbox."""
    if read.value is None:
        return Verdict("bad", f"Not known: {read.trouble}")
    backlogs, held = read.value
    slow = [each for each in backlogs if each.oldest_seconds > _objective(each.queue)]
    if slow:
        oldest = duration(max(each.oldest_seconds for each in slow))
        return Verdict("bad", f"The oldest waits for {oldest}: is a relay running, and the broker there?")
    if held:
        return Verdict("warning", f"{count(held)} messages are in quarantine.")
    return Verdict("good", "Nothing waits for longer than its queue promises.")


def _objective(queue: str) -> int:
    """Of a queue that is declared no more: that of the strictest."""
    strictest = min(spec.wait_objective_seconds for spec in QUEUES.values())
    return QUEUES[queue].wait_objective_seconds if queue in QUEUES else strictest


def _of_the_broker(facts: QueueOverview) -> Verdict:
    state, growth = facts.state, facts.growth
    unknown = _unknown(facts)
    if unknown or growth is None:
        return Verdict("bad", unknown)
    if state.messages_ready and state.consumers == 0:
        return Verdict("bad", f"Nobody works on it: {count(state.messages_ready)} wait.{_grown(facts)}")
    if state.undelivered_dead:
        return Verdict("bad", f"{_undelivered(facts)}{_late(facts)}")
    if facts.rise and growth > STEADY:
        kind = "bad" if facts.late else "warning"
        return Verdict(kind, f"Growing by {signed(growth)}.{_grown(facts)}{_late(facts)}")
    return Verdict("bad" if facts.late else "good", f"{_ahead(facts, growth)}{_late(facts)}")


def _unknown(facts: QueueOverview) -> str:
    """Why nothing can be said of it; empty if something can."""
    if not facts.broker_known:
        return "Not known: the broker could not be read."
    if not facts.state.declared:
        return f"It is not on the broker: run `{conf.COMMAND} topology apply`."
    if facts.state.messages is None or facts.growth is None:
        return "The broker has not counted it yet (up to 10 s), or it has no leader."
    return ""


def _dead(facts: QueueOverview) -> Iterator[Verdict]:
    if not _unknown(facts) and facts.state.dead_letters is None:
        yield Verdict("bad", "How many dead letters it has is not known.")
    if facts.state.dead_letters:
        yield Verdict("warning", f"{count(facts.state.dead_letters)} dead letters wait for a person.")


def _before_the_broker(facts: QueueOverview) -> Iterator[Verdict]:
    if not facts.outbox_known:
        yield Verdict("bad", "What waits for it in the outbox is not known.")
    if not facts.wait_known:
        yield Verdict("bad", "How long a message waits is not known.")
    if facts.stuck and facts.outbox:
        waits = f"{amount(facts.outbox)} wait in the outbox, the oldest for"
        yield Verdict("bad", f"{waits} {duration(facts.outbox.oldest_seconds)}: is a relay running?")


def _of_all(facts: Overview) -> Iterator[Verdict]:
    """What belongs to no queue."""
    for source in facts.sources:
        if source.trouble:
            yield Verdict("bad", source.trouble[0].upper() + source.trouble[1:])
    for alarm in facts.alarms:
        waits = "What is accepted waits in the outbox."
        yield Verdict("bad", f"The broker takes nothing: {alarm} alarm. {waits}")
    if facts.unroutable:
        yield Verdict("warning", f"{count(facts.unroutable)} messages found no queue.")
    if facts.quarantined:
        yield Verdict("warning", f"{count(facts.quarantined)} messages are in quarantine.")


def _of_queues(facts: Overview) -> Iterator[Verdict]:
    for kind, word in (("bad", "bad"), ("warning", "to look at")):
        names = [queue.spec.name for queue in facts.queues if verdict(queue).kind == kind]
        if names:
            shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
            yield Verdict(kind, f"{len(names)} of {len(facts.queues)} queues {word}: {shown}.")


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


def _ahead(facts: QueueOverview, growth: float) -> str:
    if not facts.state.messages:
        return "Nothing waits."
    if growth > -STEADY:
        return "Neither growing nor draining."
    return f"Draining: empty in about {duration(facts.state.messages / -growth)}."
