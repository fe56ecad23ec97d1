"""A relay whose broker confirms everything at once, and the transactions of others beside it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection, transaction

from app.celery import app
from switchyard.outbox.models import Message
from switchyard.relay.confirms import Outcome
from switchyard.relay.metrics import RelayMetrics
from switchyard.relay.relay import Relay
from tests.blocks import grown_by


class InstantRelay(Relay):
    def __init__(self, rows: int = 200) -> None:
        super().__init__(RelayMetrics())
        self.sent: list[str] = []
        self._rows = rows

    def publish(self, messages: Sequence[Message]) -> Outcome:
        self.sent += [message.task_id for message in messages]
        return Outcome(confirmed=dict.fromkeys([message.pk for message in messages], 0.0))

    def _broker_takes(self) -> bool:
        return True

    def _batch_rows(self, queue: str) -> int:
        return self._rows


def keep(count: int = 1) -> list[str]:
    with transaction.atomic():
        return [app.tasks["gallery.io_wait"].delay_on_commit(str(number)) for number in range(count)]


@contextmanager
def session() -> Iterator["psycopg.Connection[Any]"]:
    """Somebody else's, in whose transaction every statement is."""
    parameters = connection.get_connection_params()
    for ours in ("cursor_factory", "context"):
        parameters.pop(ours, None)
    with psycopg.connect(**parameters) as link:
        yield link


def insert(link: "psycopg.Connection[Any]", task_id: str, queue: str = "io") -> str:
    link.execute(
        "INSERT INTO switchyard_outbox (task_id, task, queue, headers, properties, body)"
        " VALUES (%s, 'gallery.io_wait', %s, %s, '{}', '[]')",
        [task_id, queue, f'{{"id": "{task_id}", "task": "gallery.io_wait"}}'],
    )
    return task_id


def fill(count: int, queue: str = "io") -> None:
    """So many rows, without what each call would cost."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO switchyard_outbox (task_id, task, queue, headers, properties, body)"
            " SELECT id, 'gallery.io_wait', %s, json_build_object('id', id, 'task', 'gallery.io_wait'),"
            " '{}', '[]'"
            " FROM generate_series(1, %s) AS number, LATERAL (SELECT 'filled ' || number) AS named (id)",
            [queue, count],
        )


@contextmanager
def open_transaction() -> Iterator[None]:
    """A dump, a report, a forgotten BEGIN: every row that is deleted meanwhile is kept for it."""
    with session() as link:
        link.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM switchyard_outbox LIMIT 1")
        yield
        link.rollback()


def read_by(do: Callable[[], object]) -> int:
    """Entries of the index of what waits: those of rows that are gone are among them."""
    return grown_by(do, "SELECT pg_stat_get_xact_tuples_returned('switchyard_outbox_waiting'::regclass)")
