"""Remembers since when each dead-letter queue has not been empty.

Nothing is looked at to know it. A dead letter in somebody's hand is out of sight for others, and each look
counts a delivery against it.
"""

from collections.abc import Iterator, Mapping

from django.db import connection
from django.db.models.functions import Now
from prometheus_client.metrics_core import Metric

from switchyard.clock import age
from switchyard.metric import labelled
from switchyard.metrics.models import NotEmptySince
from switchyard.routing import QUEUES

_READ = (
    "SELECT queue, extract(epoch FROM clock_timestamp() - since)::float FROM switchyard_dead_letters_since"
)


def read_dead() -> dict[str, float]:
    """Queue to seconds. Raises django.db.Error."""
    with connection.cursor() as cursor:
        cursor.execute(_READ)
        return dict(cursor.fetchall())


def dead_metrics(dead: Mapping[str, float] | None) -> Iterator[Metric]:
    if dead is not None:
        oldest = {queue: age(dead.get(queue, 0.0)) for queue in QUEUES}
        yield labelled("deadletters_oldest_seconds", "Since there were no dead letters.", "queue", oldest)


def note_dead(counts: Mapping[str, int | None]) -> None:
    """Write down which queues have dead letters now; None is left as it was. Raises django.db.Error.

    What was seen by a clock that was ahead was seen now, at the latest.
    """
    NotEmptySince.objects.filter(since__gt=Now()).update(since=Now())
    known = set(NotEmptySince.objects.values_list("queue", flat=True))
    begun = [queue for queue, count in counts.items() if count and queue not in known]
    rows = [NotEmptySince(queue=queue, since=Now()) for queue in begun]
    NotEmptySince.objects.bulk_create(rows, ignore_conflicts=True)
    over = [queue for queue in known if counts.get(queue) == 0]
    if over:
        NotEmptySince.objects.filter(queue__in=over).delete()
