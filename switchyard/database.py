"""Bounds what a process with many threads takes of the database: connections, and the length of locks."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.models import QuerySet

from switchyard.conf import conf

#: Rows that one transaction of ``delete_in_batches`` deletes.
BATCH_ROWS = 1000
#: How long a thread waits for a connection of the pool.
POOL_WAIT_SECONDS = 30


def share_connections() -> None:
    """Have the threads of this process share SWITCHYARD_POOL_SIZE connections, unless it has a pool.

    To be called before they begin. A thread holds one only between its first query and the end of its task or
    request, or the next ``released_database()``.
    """
    database = connections[DEFAULT_DB_ALIAS].settings_dict
    options = database.setdefault("OPTIONS", {})
    if conf.POOL_SIZE and "pool" not in options:
        # One that is open is not the pool's to take back.
        connections.close_all()
        options["pool"] = {"min_size": 1, "max_size": conf.POOL_SIZE, "timeout": POOL_WAIT_SECONDS}
        database["CONN_MAX_AGE"] = 0


@contextmanager
def released_database() -> Iterator[None]:
    """Give this thread's connections back to the pool for the length of a slow call to somebody else.

    An io worker runs 100 tasks on a pool of 10 connections, so a task that keeps one while it waits for a
    mail server makes nine others wait too. Raises transaction.TransactionManagementError inside a
    transaction, which giving the connection back would roll back.
    """
    for connection in connections.all(initialized_only=True):
        if in_own_transaction(connection):
            raise transaction.TransactionManagementError(
                "released_database() was entered inside a transaction, whose connection cannot be given "
                "back. End the transaction before the slow call and open another one after it."
            )
        if not connection.in_atomic_block:
            connection.close()
    yield


def delete_in_batches(rows: QuerySet[Any]) -> None:
    """Delete ``rows``, each batch in a transaction of its own: a run that is cut short keeps what it did."""
    deleted = BATCH_ROWS
    while deleted == BATCH_ROWS:
        deleted, _ = rows.model.objects.filter(pk__in=rows.values("pk")[:BATCH_ROWS]).delete()


def in_own_transaction(connection: Any) -> bool:
    """Whether a transaction is open that is not just the one Django's TestCase wraps around a test."""
    return connection.in_atomic_block and any(
        not block._from_testcase  # noqa: SLF001 - Django's own mark, which has no public reader
        for block in connection.atomic_blocks
    )
