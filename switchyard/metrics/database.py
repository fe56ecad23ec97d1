"""Measures what the database says of itself, by one connection of a thread's own."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.db import connection
from prometheus_client.metrics_core import Metric

from switchyard.identity.installation import foreign
from switchyard.metric import gauge
from switchyard.metrics.transactions import Transactions, read_transactions, transaction_metrics

# Of all databases: they share the limit. Only their number is to be seen by everybody.
_READ = """
    SELECT sum(numbackends)::int, current_setting('max_connections')::int,
        extract(epoch FROM clock_timestamp())::float
    FROM pg_stat_database
"""


@dataclass(frozen=True, slots=True)
class DatabaseState:
    connections: int
    max_connections: int
    #: By how many seconds its clock is ahead of this host's; below 0: behind.
    clock_ahead: float
    transactions: Transactions = field(default_factory=Transactions)
    #: Whether it is of another installation than these settings.
    foreign: bool = False


def read_database() -> DatabaseState:
    """Raises django.db.Error."""
    with connection.cursor() as cursor:
        cursor.execute(_READ)
        count, limit, seconds = cursor.fetchone()
        ahead = seconds - time.time()
    return DatabaseState(count, limit, ahead, read_transactions(), bool(foreign()))


def database_metrics(state: DatabaseState | None) -> Iterator[Metric]:
    yield gauge("database_up", "Whether the database could be read.", state is not None)
    if state is None:
        return
    yield gauge("database_connections", "Connections to the server.", state.connections)
    yield gauge("database_clock_ahead_seconds", "Of this host's clock.", state.clock_ahead)
    yield gauge("database_max_connections", "Connections that it takes.", state.max_connections)
    yield gauge("database_foreign", "Whether it is another installation's.", state.foreign)
    yield from transaction_metrics(state.transactions)
