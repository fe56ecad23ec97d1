"""Inserts captured messages as rows, and wakes the relay."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.backends.base.base import BaseDatabaseWrapper

#: What a relay listens to; a notification says that a transaction has committed rows.
CHANNEL = "switchyard_outbox"

# One statement and one parameter whatever the number of rows: seven arrays take the driver ten times as long
# to write. PostgreSQL delivers the notification with the commit.
_INSERT = f"""
    WITH kept AS (
        INSERT INTO switchyard_outbox (task_id, task, queue, headers, properties, body, eta, created_at)
        SELECT *, clock_timestamp() FROM json_to_recordset(%s) AS row (
            task_id text, task text, queue text, headers text, properties text, body text, eta timestamptz
        )
    )
    SELECT pg_notify('{CHANNEL}', '')
"""  # noqa: S608 - a constant of ours


@dataclass(frozen=True, slots=True)
class Row:
    """One message as ``switchyard.outbox.models.Message`` holds it."""

    task_id: str
    task: str
    queue: str
    headers: str
    properties: str
    body: str
    eta: datetime | None

    def as_object(self) -> dict[str, str | None]:
        return {
            "task_id": self.task_id,
            "task": self.task,
            "queue": self.queue,
            "headers": self.headers,
            "properties": self.properties,
            "body": self.body,
            "eta": self.eta.isoformat() if self.eta else None,
        }


def insert(connection: BaseDatabaseWrapper, rows: Sequence[Row], *, commit: bool = False) -> None:
    """Insert all in the transaction that is open, or in one of their own; its commit wakes the relay.

    With ``commit`` the open transaction is committed as well, in the same round trip if the driver can: what
    either of the two raises is raised here, and the transaction is then still to be rolled back.
    """
    text = json.dumps([row.as_object() for row in rows])
    # PostgreSQL takes one statement at a time from who binds on the server: Django's own commit follows.
    together = commit and not connection.settings_dict["OPTIONS"].get("server_side_binding")
    with connection.cursor() as cursor:
        cursor.execute(f"{_INSERT}; COMMIT" if together else _INSERT, [text])
