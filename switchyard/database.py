"""Bounds how long a task keeps a connection, and its locks; and tells in what the caller stands."""

import asyncio
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any

from django.db import connections, transaction
from django.db.models import QuerySet

#: Rows that one transaction of ``delete_in_batches`` deletes.
BATCH_ROWS = 1000


@contextmanager
def released_database() -> Iterator[None]:
    """Give this thread's connections back to the pool for the length of a slow call to somebody else.

    For a child process, web or a command. In a worker on threads a task has one for a transaction at a time
    anyway, and is told here of the transaction it is in. Raises transaction.TransactionManagementError inside
    a transaction, which giving the connection back would roll back.
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


def delete_in_batches(rows: QuerySet[Any], by: str = "pk") -> None:
    """Delete ``rows``, each batch in a transaction of its own: a run that is cut short keeps what it did.

    In the order of ``by``, a column that is never null and has an index: that by which they are chosen, if it
    has one. A batch begins where the last one ended, for what is gone before it may be there for somebody's
    long transaction, and would be read again by each batch.
    """
    ordered = rows.order_by(by)
    found = list(ordered.values_list("pk", by)[:BATCH_ROWS])
    while found:
        # By their keys alone: PostgreSQL might go by the other column, and read what is gone.
        rows.model.objects.filter(pk__in=[key for key, _ in found]).delete()
        found = list(ordered.filter(**{f"{by}__gte": found[-1][1]}).values_list("pk", by)[:BATCH_ROWS])


def in_own_transaction(connection: Any) -> bool:
    """Whether a transaction is open that is not just the one Django's TestCase wraps around a test."""
    return connection.in_atomic_block and any(
        not block._from_testcase  # noqa: SLF001 - Django's own mark, which has no public reader
        for block in connection.atomic_blocks
    )


def in_transaction_by_hand(connection: Any) -> bool:
    """Whether one may be open that no block knows of: autocommit is off."""
    return connection.connection is not None and not (connection.autocommit or connection.in_atomic_block)


def in_transaction() -> bool:
    """Whether the caller has a transaction open, on any database and in any way."""
    return any(
        in_own_transaction(connection) or in_transaction_by_hand(connection)
        for connection in connections.all(initialized_only=True)
    )


def outside_of_event_loop(code: Callable[[], object]) -> None:
    """Call what asks the database where Django allows that: not in the thread of a running event loop.

    No transaction of the caller's is known there (connections are the event loop's own), so a thread of its
    own, which gives its connections back, does as well.
    """
    if not _in_event_loop():
        code()
        return
    with ThreadPoolExecutor(1, "database") as thread:
        try:
            thread.submit(copy_context().run, code).result()
        finally:
            thread.submit(connections.close_all).result()


def _in_event_loop() -> bool:
    """As Django decides (``django.utils.asyncio.async_unsafe``)."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return not os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
