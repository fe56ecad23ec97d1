"""The queues as Prometheus metrics, from one call of the broker's management API for each scrape.

| metric                                 | labels | says                                                     |
|----------------------------------------|--------|----------------------------------------------------------|
| switchyard_broker_up                   |        | 1 if this scrape could read the broker, else 0           |
| switchyard_broker_last_read_age_seconds|        | since the last successful read (at first: since start)   |
| switchyard_queue_declared              | queue  | 1 if the queue is on the broker, else 0                  |
| switchyard_queue_messages_ready        | queue  | messages that wait for a worker                          |
| switchyard_queue_messages_unacknowledged| queue | messages that a worker holds                             |
| switchyard_queue_consumers             | queue  | consumers; 0 for a queue that nobody works on            |

``queue`` is a queue of ``app.queues.QUEUES`` or its dead-letter queue, never anything the broker says. When
the broker cannot be read within ``WAIT_SECONDS`` there is no queue series at all: an old number would look
like a fresh one. What is read is itself up to 10 s old (see ``app.metrics.depths``); of a queue younger than
that, the broker may not know the depth yet, and then there is none here either.
"""

import time
from collections.abc import Callable, Iterator, Mapping

import structlog
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from app.broker.management import ManagementError
from app.metrics.bounded import BoundedRead
from app.metrics.depths import Depth, queue_names

#: Below the 2 s within which an answer is promised, and far below Prometheus' scrape timeout of 10 s.
WAIT_SECONDS = 1.5

Depths = Mapping[str, Depth]

log = structlog.get_logger("app.metrics")


class BrokerCollector(Collector):
    """Reads the broker at each scrape; scrapes at the same time share one read."""

    def __init__(self, read: Callable[[], Depths], *, wait_seconds: float = WAIT_SECONDS) -> None:
        self._read = BoundedRead(read, wait_seconds)
        self._last_read = time.monotonic()
        self._trouble = ""

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing: registering must not ask the broker."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        depths = self._depths()
        yield GaugeMetricFamily(
            "switchyard_broker_up", "Whether the broker could be read.", depths is not None
        )
        yield GaugeMetricFamily(
            "switchyard_broker_last_read_age_seconds",
            "Seconds since the broker was last read.",
            time.monotonic() - self._last_read,
        )
        if depths is not None:
            yield from queue_metrics(depths)

    def _depths(self) -> Depths | None:
        try:
            depths = self._read.result()
        except TimeoutError:
            self._say("no answer in time")
            return None
        except ManagementError as error:
            self._say(str(error))
            return None
        self._last_read = time.monotonic()
        self._say("")
        return depths

    def _say(self, trouble: str) -> None:
        """Log when it becomes readable or unreadable, not at each scrape."""
        if bool(trouble) != bool(self._trouble):
            if trouble:
                log.warning("broker_unreadable", reason=trouble)
            else:
                log.info("broker_readable")
        self._trouble = trouble


def queue_metrics(depths: Depths) -> Iterator[GaugeMetricFamily]:
    declared = _family("declared", "Whether the queue is on the broker.")
    ready = _family("messages_ready", "Messages that wait for a worker.")
    unacknowledged = _family("messages_unacknowledged", "Messages that a worker holds.")
    consumers = _family("consumers", "Consumers of the queue.")
    for name in queue_names():
        declared.add_metric([name], name in depths)
        if name in depths:
            depth = depths[name]
            _add(ready, name, depth.messages_ready)
            _add(unacknowledged, name, depth.messages_unacknowledged)
            _add(consumers, name, depth.consumers)
    yield from (declared, ready, unacknowledged, consumers)


def _family(name: str, text: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"switchyard_queue_{name}", text, labels=["queue"])


def _add(family: GaugeMetricFamily, queue: str, value: int | None) -> None:
    if value is not None:
        family.add_metric([queue], value)
