"""Reads what the broker knows soonest: counts that are 5 s old at most, and who consumes now.

Its statistics (switchyard/metrics/state.py) gather the same counts every 5 s once more, and are up to 10 s
old. An older broker that does not know the shorter way answers with those.
"""

import re
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from switchyard.broker.management import Management
from switchyard.metrics.depths import COUNTS, Depth, depth_of, queue_names
from switchyard.metrics.samples import Sample, slope
from switchyard.metrics.state import LONGEST_PATTERN, QueueState

TOTALS = {"disable_stats": "true", "enable_queue_totals": "true"}
#: Of the samples that say where a queue is going: its last minute would say so half a minute late.
RECENT_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Fresh:
    """``depths`` by the queue's name, dead-letter queues too; consumers are those of who reads now."""

    depths: Mapping[str, Depth]
    consumers: Mapping[str, int]
    #: Unix time.
    at: float


def read_fresh(management: Management) -> Fresh:
    """Two calls. Raises ManagementError."""
    names = "|".join(map(re.escape, queue_names()))
    if len(names) > LONGEST_PATTERN:
        rows = management.rows("queues", ["name"], COUNTS, **TOTALS)
    else:
        rows = management.matching("queues", f"^({names})$", ["name"], COUNTS, **TOTALS)
    of = (row["queue"].get("name") for row in management.rows("consumers", ["queue"]))
    return Fresh({row["name"]: depth_of(row) for row in rows}, Counter(of), time.time())


def freshened(state: QueueState, dead_letter_queue: str, fresh: Fresh) -> QueueState:
    """With the newer counts, where there are any."""
    depth, dead = fresh.depths.get(state.name), fresh.depths.get(dead_letter_queue)
    if dead is not None and dead.messages is not None:
        state = replace(state, dead_letters=dead.messages)
    if not state.declared or state.messages is None or depth is None or depth.messages is None:
        return state
    return replace(
        state,
        messages_ready=depth.messages_ready,
        messages_unacknowledged=depth.messages_unacknowledged,
        consumers=fresh.consumers.get(state.name, 0),
    )


def recent_growth(samples: tuple[Sample, ...]) -> float | None:
    """Messages a second, over the last moments; None if nobody can say."""
    if not samples:
        return None
    since = samples[-1][0] - RECENT_SECONDS
    return slope([sample for sample in samples if sample[0] >= since])
