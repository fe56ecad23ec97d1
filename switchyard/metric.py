"""Makes one metric of Prometheus', and the label of a queue."""

from collections.abc import Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from switchyard.routing import QUEUES

PREFIX = "switchyard_"


def gauge(name: str, text: str, value: float | None) -> Metric:
    """One without labels; None leaves it out."""
    family = GaugeMetricFamily(PREFIX + name, text)
    if value is not None:
        family.add_metric([], value)
    return family


def labelled(
    name: str, text: str, label: str, values: Mapping[str, float | None], *, counter: bool = False
) -> Metric:
    """One with one label; None leaves a series out."""
    family = (CounterMetricFamily if counter else GaugeMetricFamily)(PREFIX + name, text, labels=[label])
    for value, number in values.items():
        if number is not None:
            family.add_metric([value], number)
    return family


def queue_label(queue: str) -> str:
    """A declared queue's name, or ``other`` for one of a release that had others."""
    return queue if queue in QUEUES else "other"
