"""Measures what the database knows, by one connection of a thread's own."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.db import connection
from prometheus_client.metrics_core import Metric

from switchyard.metric import gauge, labelled
from switchyard.metrics.beat import Beat, beat_metrics, read_beat
from switchyard.metrics.deadletters import read_dead
from switchyard.metrics.waits import Wait, waits
from switchyard.routing import QUEUES

# Of all databases: they share the limit. Only their number is to be seen by everybody.
_CONNECTIONS = "SELECT sum(numbackends), current_setting('max_connections') FROM pg_stat_database"


@dataclass(frozen=True, slots=True)
class Facts:
    waits: Mapping[str, Wait]
    #: Queue to seconds since its dead-letter queue was last seen empty, if it is not.
    dead: Mapping[str, float]
    beat: Beat
    connections: int
    max_connections: int


def read_facts() -> Facts:
    """Raises django.db.Error."""
    try:
        connections, limit = _connections()
        return Facts(waits(), read_dead(), read_beat(), connections, limit)
    finally:
        connection.close()


def database_metrics(facts: Facts | None) -> Iterator[Metric]:
    yield gauge("database_up", "Whether the database could be read.", facts is not None)
    if facts is None:
        return
    yield gauge("database_connections", "Connections to the server.", facts.connections)
    yield gauge("database_max_connections", "Connections that it takes.", facts.max_connections)
    oldest = {queue: facts.dead.get(queue, 0.0) for queue in QUEUES}
    yield labelled("deadletters_oldest_seconds", "Since there were no dead letters.", "queue", oldest)
    yield from beat_metrics(facts.beat)


def _connections() -> tuple[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(_CONNECTIONS)
        (count, limit) = cursor.fetchone()
    return int(count), int(limit)
