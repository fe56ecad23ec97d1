"""Inserts captured messages as rows, and wakes the relay."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.backends.base.base import BaseDatabaseWrapper

from switchyard.installation import CHANNEL

# One statement and one parameter whatever the number of rows: seven arrays take the driver ten times as long
# to write. PostgreSQL delivers the notification with the commit. A delay is counted on by its clock, which is
# one for all: that of the caller's host may be an hour ahead of the relay's.
_INSERT = f"""
    WITH kept AS (
        INSERT INTO switchyard_outbox (task_id, task, queue, headers, properties, body, eta, created_at)
        SELECT task_id, task, queue, headers, properties, body,
            clock_timestamp() + make_interval(secs => due_in), clock_timestamp()
        FROM json_to_recordset(%s) AS row (
            task_id text, task text, queue text, headers text, properties text, body text,
            due_in double precision
        )
    )
    SELECT pg_notify({CHANNEL}, '')
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
    #: ``time.monotonic()`` of this process from when on it may run.
    due: float | None

    def as_object(self) -> dict[str, str | float | None]:
        return {
            "task_id": self.task_id,
            "task": self.task,
            "queue": self.queue,
            "headers": self.headers,
            "properties": self.properties,
            "body": self.body,
            "due_in": None if self.due is None else self.due - time.monotonic(),
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
