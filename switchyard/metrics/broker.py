"""Measures the broker: its alarms, its version, and whether it has what is declared."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.db import Error
from prometheus_client.metrics_core import Metric

from switchyard.broker.comparison import differences
from switchyard.broker.live import live_topology
from switchyard.broker.management import Management
from switchyard.broker.topology import declared, version_of
from switchyard.installation import identity
from switchyard.metric import gauge, labelled
from switchyard.postgresql.limits import in_limits


@dataclass(frozen=True, slots=True)
class Topology:
    version: str
    #: Differences, as the verb `topology check` shows them.
    drift: int


def read_topology(management: Management) -> Topology:
    """By six calls. Raises ManagementError. Whose vhost it is goes unsaid while the database is away."""
    version = management.version()
    live = live_topology(management)
    return Topology(version, len(differences(declared(version_of(version), _identity()), live)))


def _identity() -> str:
    try:
        return in_limits(identity)()
    except Error:
        return ""


def broker_metrics(alarms: Mapping[str, bool] | None, topology: Topology | None) -> Iterator[Metric]:
    if alarms is not None:
        values: dict[str, float | None] = {alarm: float(raised) for alarm, raised in alarms.items()}
        yield labelled("broker_alarm", "Whether a node blocks publishers for want of it.", "alarm", values)
    if topology is not None:
        yield labelled("broker_info", "The broker's version.", "version", {topology.version: 1.0})
        yield gauge("topology_drift", "Differences from what is declared.", topology.drift)
