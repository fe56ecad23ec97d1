"""How a captured message becomes a row."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime

from django.db.backends.base.base import BaseDatabaseWrapper

#: What a relay listens to; a notification says that a transaction has committed rows.
CHANNEL = "outbox"

# One statement whatever the number of rows. PostgreSQL delivers the notification with the commit.
_INSERT = f"""
    WITH kept AS (
        INSERT INTO outbox_message (task_id, task, queue, headers, properties, body, eta, created_at)
        SELECT *, clock_timestamp() FROM unnest(
            %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::timestamptz[]
        )
    )
    SELECT pg_notify('{CHANNEL}', '')
"""  # noqa: S608 - a constant of ours


@dataclass(frozen=True, slots=True)
class Row:
    """One message as ``app.outbox.models.Message`` holds it."""

    task_id: str
    task: str
    queue: str
    headers: str
    properties: str
    body: str
    eta: datetime | None


def insert(connection: BaseDatabaseWrapper, rows: Sequence[Row]) -> None:
    """Insert all in the transaction that is open, or in one of their own; its commit wakes the relay."""
    columns = [list(column) for column in zip(*map(astuple, rows), strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, columns)
