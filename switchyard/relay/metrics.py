"""Counts what a relay has done.

| metric                               | labels | says                                                       |
|--------------------------------------|--------|------------------------------------------------------------|
| switchyard_outbox_up                 |        | 1 if this scrape could read the outbox, else 0             |
| switchyard_outbox_waiting            | queue  | messages that wait for the relay; above 10,000 about       |
| switchyard_outbox_oldest_seconds     | queue  | since the oldest of them was accepted; 0 if there is none  |
| switchyard_outbox_quarantined        |        | messages that the broker refused for their own fault       |
| switchyard_relay_published_total     | queue  | messages that the broker confirmed                         |
| switchyard_relay_confirm_seconds     |        | from publish to confirm (histogram)                        |
| switchyard_relay_nacked_total        | queue  | messages that a full queue refused; they are sent again    |
| switchyard_relay_returned_total      | queue  | messages that no queue wanted                              |
| switchyard_relay_quarantined_total   | queue  | messages that were quarantined                             |
| switchyard_relay_errors_total        |        | batches that the broker did not answer in full             |
| switchyard_relay_listening           |        | 1 if commits are heard of, else 0: it polls (a pooler)     |

The outbox is one for all relays, so each relay shows the same numbers of it: take their maximum. ``queue`` is
a declared queue, or ``other`` for a message of a release that had others.
"""

from collections.abc import Iterator

from django.db import DatabaseError
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from switchyard.deadline import BoundedRead
from switchyard.metric import PREFIX, queue_label
from switchyard.outbox.backlog import Backlog
from switchyard.outbox.metrics import outbox_metrics, read_outbox
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
            f"{PREFIX}relay_errors", "Batches not answered in full.", registry=self._registry
        )
        self.listening = Gauge(
            f"{PREFIX}relay_listening", "Whether commits are heard of.", registry=self._registry
        )
        self.confirm_seconds = Histogram(
            f"{PREFIX}relay_confirm_seconds",
            "Seconds from publish to confirm.",
            buckets=CONFIRM_BUCKETS,
            registry=self._registry,
        )

    def count(self, queue: str, outcome: Outcome) -> None:
        name = queue_label(queue)
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
        counter = Counter(f"{PREFIX}relay_{name}", text, ["queue"], registry=self._registry)
        for queue in QUEUES:
            counter.labels(queue)
        return counter
