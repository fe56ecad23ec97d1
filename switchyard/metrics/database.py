"""Measures what the database knows, by one connection of a thread's own."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from django.db import connection
from prometheus_client.metrics_core import Metric

from switchyard.metric import gauge, labelled
from switchyard.metrics.beat import Beat, beat_metrics, read_beat
from switchyard.metrics.deadletters import read_dead
from switchyard.metrics.transactions import Transactions, read_transactions, transaction_metrics
from switchyard.metrics.waits import Wait, waits
from switchyard.routing import QUEUES

# Of all databases: they share the limit. Only their number is to be seen by everybody.
_CONNECTIONS = "SELECT sum(numbackends), current_setting('max_connections') FROM pg_stat_database"


@dataclass(frozen=True, slots=True)
class DatabaseState:
    waits: Mapping[str, Wait]
    #: Queue to seconds since its dead-letter queue was last seen empty, if it is not.
    dead: Mapping[str, float]
    beat: Beat
    connections: int
    max_connections: int
    transactions: Transactions = field(default_factory=Transactions)


def read_database() -> DatabaseState:
    """Raises django.db.Error."""
    try:
        connections, limit = _connections()
        return DatabaseState(waits(), read_dead(), read_beat(), connections, limit, read_transactions())
    finally:
        connection.close()


def database_metrics(state: DatabaseState | None) -> Iterator[Metric]:
    yield gauge("database_up", "Whether the database could be read.", state is not None)
    if state is None:
        return
    yield gauge("database_connections", "Connections to the server.", state.connections)
    yield gauge("database_max_connections", "Connections that it takes.", state.max_connections)
    yield from transaction_metrics(state.transactions)
    oldest = {queue: state.dead.get(queue, 0.0) for queue in QUEUES}
    yield labelled("deadletters_oldest_seconds", "Since there were no dead letters.", "queue", oldest)
    yield from beat_metrics(state.beat)


def _connections() -> tuple[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(_CONNECTIONS)
        (count, limit) = cursor.fetchone()
    return int(count), int(limit)
