"""The table at the end: of each queue, what was sent, what came of it, and how long it took."""

from collections.abc import Iterable, Mapping, Sequence
from math import ceil
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from deploy.local.journal import QueueRecord
from switchyard.ops.format import table

_WAITING = ("switchyard_queue_messages_ready", "switchyard_queue_messages_unacknowledged")


def summary(records: Mapping[str, QueueRecord], depths: Mapping[str, int], queues: Iterable[str]) -> str:
    return table([_row(queue, records.get(queue, QueueRecord()), depths.get(queue)) for queue in queues])


def depths_now(metrics: str) -> dict[str, int]:
    """Messages in each queue, waiting or being worked on, from the exporter's own text."""
    depths: dict[str, int] = {}
    for family in text_string_to_metric_families(metrics):
        for sample in family.samples:
            if sample.name in _WAITING:
                queue = sample.labels["queue"]
                depths[queue] = depths.get(queue, 0) + int(sample.value)
    return depths


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The smallest value that at least `percent` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[ceil(len(ordered) * percent / 100) - 1] if ordered else None


def _row(queue: str, record: QueueRecord, depth: int | None) -> dict[str, Any]:
    return {
        "queue": queue,
        "sent": len(record.sent),
        "done": len(record.done),
        "failed": len(record.failed),
        "depth now": depth,
        "p50 wait": _duration(percentile(record.waits_ms, 50)),
        "p99 wait": _duration(percentile(record.waits_ms, 99)),
        "p50 run": _duration(percentile(record.runs_ms, 50)),
        "p99 run": _duration(percentile(record.runs_ms, 99)),
    }


def _duration(milliseconds: float | None) -> str | None:
    if milliseconds is None:
        return None
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"
