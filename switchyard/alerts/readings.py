"""Reads now what the exporter and a relay would serve to Prometheus."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from prometheus_client.metrics_core import Metric

from switchyard.alerts.condition import Readings
from switchyard.broker.management import Management
from switchyard.deadline import BoundedRead
from switchyard.metric import PREFIX, labelled
from switchyard.metrics.exporter import Exporter, Reads
from switchyard.metrics.source import Source
from switchyard.metrics.state import Yard, read_yard
from switchyard.outbox.metrics import outbox_metrics, read_outbox
from switchyard.postgresql.limits import in_limits

#: For all parts, which are read at once.
WAIT_SECONDS = 4.0


def own_look(wait_seconds: float = WAIT_SECONDS) -> Readings:
    """What does not answer in time is not among them; ``broker_up``, ``database_up`` and ``outbox_up`` are.

    Raises ManagementError for a BROKER_URL that is none.
    """
    with Management.from_settings(timeout_seconds=wait_seconds) as management, _quiet():
        return dict(map(_values, _metrics(management, wait_seconds)))


@contextmanager
def _quiet() -> Iterator[None]:
    """What could not be read is in the answer: the log of the process that asks has no need of it."""
    logger = logging.getLogger("switchyard.metrics")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


def _metrics(management: Management, wait_seconds: float) -> Iterator[Metric]:
    seen: list[Yard] = []

    def yard() -> Yard:
        seen.append(read_yard(management))
        return seen[0]

    outbox = Source("outbox", BoundedRead(in_limits(read_outbox), wait_seconds))
    outbox_of = outbox.begun(time.monotonic() + wait_seconds)
    reads = replace(Reads.of(management), yard=yard)
    yield from Exporter(reads, wait_seconds=wait_seconds).collect()
    for found in seen[:1]:
        # Prometheus takes the slope of its own samples.
        slopes = {name: state.growth_rate for name, state in found.states.items()}
        yield labelled("queue_growth", "Messages a second.", "queue", slopes)
    yield from outbox_metrics(outbox_of())


def _values(metric: Metric) -> tuple[str, dict[str, float]]:
    """No metric of these has more than one label."""
    values = {next(iter(sample.labels.values()), ""): sample.value for sample in metric.samples}
    return metric.name.removeprefix(PREFIX), values
