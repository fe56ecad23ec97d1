"""Exports the queues, the broker, the database and beat as Prometheus metrics.

What each says, in which unit and with which labels, is in ``deploy/prometheus/METRICS.md``. Labels hold what
is declared in ``QUEUES``, never what a broker or a message says (but for the broker's version).

Each part is read at once with the others, and none is waited for longer than WAIT_SECONDS: what cannot be
read then is left out, as an old number would look like a fresh one, and takes no other part along. What the
broker says of its queues is itself up to 10 s old; of a queue younger than that it may not know the depth
yet, and then there is none here either.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from switchyard.broker.management import Management
from switchyard.deadline import BoundedRead, SlowRead
from switchyard.metric import gauge
from switchyard.metrics.beat import Beat, beat_metrics, read_beat
from switchyard.metrics.broker import Topology, broker_metrics, read_topology
from switchyard.metrics.certificates import CERTIFICATE_SECONDS, certificate_metrics, read_certificates
from switchyard.metrics.database import DatabaseState, database_metrics, read_database
from switchyard.metrics.deadletters import dead_metrics, read_dead
from switchyard.metrics.queues import queue_metrics
from switchyard.metrics.source import Source
from switchyard.metrics.state import Yard, read_yard
from switchyard.metrics.waits import Wait, waits
from switchyard.postgresql.limits import in_limits

#: Below the 2 s within which an answer is promised, and far below Prometheus' scrape timeout of 10 s.
WAIT_SECONDS = 1.5
#: Between two comparisons of the whole topology.
TOPOLOGY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Reads:
    """What there is to read. Each may take as long as it likes, and fail."""

    yard: Callable[[], Yard]
    alarms: Callable[[], Mapping[str, bool]]
    topology: Callable[[], Topology]
    database: Callable[[], DatabaseState]
    waits: Callable[[], Mapping[str, Wait]]
    dead: Callable[[], Mapping[str, float]]
    beat: Callable[[], Beat]
    certificates: Callable[[], Mapping[str, float]]

    @classmethod
    def of(cls, management: Management) -> "Reads":
        return cls(
            yard=lambda: read_yard(management),
            alarms=management.alarms,
            topology=lambda: read_topology(management),
            database=in_limits(read_database),
            waits=in_limits(waits),
            dead=in_limits(read_dead),
            beat=in_limits(read_beat),
            certificates=read_certificates,
        )


class Exporter(Collector):
    """Scrapes at the same time share one read of each part."""

    def __init__(self, reads: Reads, *, wait_seconds: float = WAIT_SECONDS) -> None:
        self.yard = BoundedRead(reads.yard, wait_seconds)
        self._wait_seconds = wait_seconds
        self._yard = Source("broker", self.yard)
        self._alarms = Source("alarms", BoundedRead(reads.alarms, wait_seconds))
        self._topology = Source("topology", SlowRead(reads.topology, TOPOLOGY_SECONDS))
        self._database = Source("database", BoundedRead(reads.database, wait_seconds))
        self._waits = Source("waits", BoundedRead(reads.waits, wait_seconds))
        self._dead = Source("dead letters", BoundedRead(reads.dead, wait_seconds))
        self._beat = Source("beat", BoundedRead(reads.beat, wait_seconds))
        certificates = SlowRead(reads.certificates, CERTIFICATE_SECONDS)
        self._certificates = Source("certificates", certificates)
        self._started = self._last_read = time.monotonic()

    def describe(self) -> list[Metric]:
        """Nothing: registering must not ask anybody."""
        return []

    def collect(self) -> Iterator[Metric]:
        began = time.monotonic()
        deadline = began + self._wait_seconds
        yard_of = self._yard.begun(deadline)
        alarms_of, topology_of = self._alarms.begun(deadline), self._topology.begun(deadline)
        database_of, waits_of = self._database.begun(deadline), self._waits.begun(deadline)
        dead_of, beat_of = self._dead.begun(deadline), self._beat.begun(deadline)
        certificates_of = self._certificates.begun(deadline)
        yard = yard_of()
        if yard is not None:
            self._last_read = time.monotonic()
        yield gauge("broker_up", "Whether the broker could be read.", yard is not None)
        age = time.monotonic() - self._last_read
        yield gauge("broker_last_read_age_seconds", "Since the broker was last read.", age)
        yield from queue_metrics(yard, waits_of(), time.monotonic() - self._started)
        yield from broker_metrics(alarms_of(), topology_of())
        yield from database_metrics(database_of())
        yield from dead_metrics(dead_of())
        yield from beat_metrics(beat_of())
        yield from certificate_metrics(certificates_of())
        yield gauge("exporter_scrape_seconds", "What this scrape has waited.", time.monotonic() - began)
