"""Prints the queues for a terminal, and for programs."""

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any

from switchyard.ops.format import amount, count, duration, rate, signed
from switchyard.ops.overview import Overview, QueueOverview
from switchyard.ops.verdict import together, verdict

COLUMNS: dict[str, Callable[[QueueOverview], str]] = {
    "waiting": lambda facts: count(facts.state.messages_ready),
    "held": lambda facts: count(facts.state.messages_unacknowledged),
    "consumers": lambda facts: count(facts.state.consumers),
    "in": lambda facts: rate(facts.state.publish_rate),
    "done": lambda facts: rate(facts.state.ack_rate),
    "growth": lambda facts: signed(facts.state.growth_rate),
    "oldest wait": lambda facts: duration(facts.state.oldest_wait_seconds),
    "empty in": lambda facts: duration(facts.state.drain_seconds),
    "dead": lambda facts: count(facts.state.dead_letters),
}
COLOURS = {"good": "32", "warning": "33", "bad": "31"}


def lines(facts: Overview, now: datetime, *, colour: bool) -> Iterator[str]:
    """A line of what belongs to no queue, what all comes to, a table, and a sentence for each queue."""
    yield f"{now:%Y-%m-%d %H:%M:%S} UTC   {_together(facts)}"
    whole = together(facts)
    yield f"\x1b[{COLOURS[whole.kind]}m{whole.text}\x1b[0m" if colour else whole.text
    yield ""
    yield from _table(facts)
    yield ""
    width = max(len(queue.spec.name) for queue in facts.queues)
    for queue in facts.queues:
        said = verdict(queue)
        text = f"{queue.spec.name:{width}}  {said.text}"
        yield f"\x1b[{COLOURS[said.kind]}m{text}\x1b[0m" if colour else text


def document(facts: Overview, now: datetime) -> dict[str, Any]:
    """As JSON can hold it: null is what nobody can say, and a drain that never ends."""
    return {
        "at": now.isoformat(timespec="seconds"),
        "verdict": together(facts).kind,
        "says": together(facts).text,
        "sources": [
            {"source": each.source, "at": each.at.isoformat(), "trouble": each.trouble or None}
            for each in facts.sources
        ],
        "delayed": facts.delayed,
        "alarms": facts.alarms,
        "unroutable": facts.unroutable,
        "quarantined": facts.quarantined,
        "queues": [_object(queue, known=facts.quarantined is not None) for queue in facts.queues],
    }


def _together(facts: Overview) -> str:
    delayed, unroutable = count(facts.delayed), count(facts.unroutable)
    quarantined = count(facts.quarantined)
    return f"delayed (retries, countdowns) {delayed}   unroutable {unroutable}   in quarantine {quarantined}"


def _table(facts: Overview) -> Iterator[str]:
    known = facts.quarantined is not None
    rows = [["queue", *COLUMNS, "outbox"]]
    rows += [
        [queue.spec.name, *(cell(queue) for cell in COLUMNS.values()), _waiting(queue, known=known)]
        for queue in facts.queues
    ]
    first, *others = ([len(cell) for cell in column] for column in zip(*rows, strict=True))
    for name, *cells in rows:
        aligned = (cell.rjust(max(widths)) for cell, widths in zip(cells, others, strict=True))
        yield "  ".join([name.ljust(max(first)), *aligned])


def _waiting(queue: QueueOverview, *, known: bool) -> str:
    return amount(queue.outbox) if known else "-"


def _object(queue: QueueOverview, *, known: bool) -> dict[str, Any]:
    state, risen, said = queue.state, queue.rise, verdict(queue)
    found = {name: value for name, value in asdict(state).items() if name != "depth_samples"}
    drain = state.drain_seconds
    return found | {
        "drain_seconds": None if drain is None or math.isinf(drain) else round(drain, 1),
        "drains": None if drain is None else not math.isinf(drain),
        "grows_since": risen and datetime.fromtimestamp(risen.since).astimezone().isoformat(),
        "outbox": (queue.outbox.waiting if queue.outbox else 0) if known else None,
        "outbox_estimated": bool(queue.outbox and queue.outbox.estimated),
        "outbox_oldest_seconds": queue.outbox and round(queue.outbox.oldest_seconds, 1),
        "verdict": said.kind,
        "says": said.text,
    }
