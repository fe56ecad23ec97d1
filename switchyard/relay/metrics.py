"""The relay's metrics.

| metric                               | labels | says                                                       |
|--------------------------------------|--------|------------------------------------------------------------|
| switchyard_outbox_up                 |        | 1 if this scrape could read the outbox, else 0             |
| switchyard_outbox_waiting            | queue  | messages that wait for the relay                           |
| switchyard_outbox_oldest_seconds     | queue  | since the oldest of them was accepted; 0 if there is none  |
| switchyard_outbox_quarantined        |        | messages that the broker refused for their own fault       |
| switchyard_relay_published_total     | queue  | messages that the broker confirmed                         |
| switchyard_relay_confirm_seconds     |        | from publish to confirm (histogram)                        |
| switchyard_relay_nacked_total        | queue  | messages that a full queue refused; they are sent again    |
| switchyard_relay_returned_total      | queue  | messages that no queue wanted                              |
| switchyard_relay_quarantined_total   | queue  | messages that were quarantined                             |
| switchyard_relay_errors_total        |        | batches that the broker did not answer in full             |

The outbox is one for all relays, so each relay shows the same numbers of it: take their maximum. ``queue`` is
a declared queue, or ``other`` for a message of a release that had others.
"""

from collections.abc import Iterator

from django.db import DatabaseError, connection
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from switchyard.deadline import BoundedRead
from switchyard.outbox.backlog import Backlog, backlogs, quarantined_count
from switchyard.relay.confirms import Outcome
from switchyard.routing import QUEUES

#: Below Prometheus' scrape timeout of 10 s.
WAIT_SECONDS = 5
CONFIRM_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class RelayMetrics(Collector):
    """What this relay has done, and what is in the outbox at the moment of the scrape."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._read = BoundedRead(read_outbox, WAIT_SECONDS)
        self.published = self._counter("published", "Messages that the broker confirmed.")
        self.nacked = self._counter("nacked", "Messages that a full queue refused.")
        self.returned = self._counter("returned", "Messages that no queue wanted.")
        self.quarantined = self._counter("quarantined", "Messages that were quarantined.")
        self.errors = Counter(
            "switchyard_relay_errors", "Batches not answered in full.", registry=self._registry
        )
        self.confirm_seconds = Histogram(
            "switchyard_relay_confirm_seconds",
            "Seconds from publish to confirm.",
            buckets=CONFIRM_BUCKETS,
            registry=self._registry,
        )

    def count(self, queue: str, outcome: Outcome) -> None:
        name = label(queue)
        self.published.labels(name).inc(len(outcome.confirmed))
        self.nacked.labels(name).inc(len(outcome.nacked))
        self.returned.labels(name).inc(len(outcome.returned))
        self.quarantined.labels(name).inc(len(outcome.refused))

    def describe(self) -> list[Metric]:
        """Nothing: registering must not ask the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        yield from self._registry.collect()
        yield from outbox_metrics(self._outbox())

    def _outbox(self) -> tuple[list[Backlog], int] | None:
        try:
            return self._read.result()
        except (TimeoutError, DatabaseError):
            return None

    def _counter(self, name: str, text: str) -> Counter:
        counter = Counter(f"switchyard_relay_{name}", text, ["queue"], registry=self._registry)
        for queue in QUEUES:
            counter.labels(queue)
        return counter


def label(queue: str) -> str:
    return queue if queue in QUEUES else "other"


def read_outbox() -> tuple[list[Backlog], int]:
    """In a thread of its own, so with a connection of its own."""
    try:
        return backlogs(), quarantined_count()
    finally:
        connection.close()


def outbox_metrics(read: tuple[list[Backlog], int] | None) -> Iterator[Metric]:
    yield GaugeMetricFamily("switchyard_outbox_up", "Whether the outbox could be read.", read is not None)
    if read is None:
        return
    found, quarantined = read
    waiting, oldest = dict.fromkeys(QUEUES, 0.0), dict.fromkeys(QUEUES, 0.0)
    for backlog in found:
        queue = label(backlog.queue)
        waiting[queue] = waiting.get(queue, 0) + backlog.waiting
        oldest[queue] = max(oldest.get(queue, 0), backlog.oldest_seconds)
    yield _by_queue("waiting", "Messages that wait for the relay.", waiting)
    yield _by_queue("oldest_seconds", "Seconds since the oldest was accepted.", oldest)
    yield GaugeMetricFamily("switchyard_outbox_quarantined", "Messages in quarantine.", quarantined)


def _by_queue(name: str, text: str, values: dict[str, float]) -> Metric:
    family = GaugeMetricFamily(f"switchyard_outbox_{name}", text, labels=["queue"])
    for queue, value in values.items():
        family.add_metric([queue], value)
    return family
