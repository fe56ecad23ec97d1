"""Decides which messages go to the broker at once: those of a running task, outside a transaction.

Everything else is kept in the outbox: what web, a command or a signal sends, and what belongs to a
transaction that may still roll back.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from switchyard.broker.options import is_eager
from switchyard.conf import conf
from switchyard.database import in_transaction
from switchyard.outbox.capture import Block, captured_rows

_at_once: ContextVar[Block | None] = ContextVar("at_once", default=None)


@contextmanager
def publishing_at_once() -> Iterator[None]:
    """Publish in a transaction too, for code whose rollback leads to the same publish again."""
    block = Block()
    token = _at_once.set(block)
    try:
        yield
    finally:
        block.open = False
        _at_once.reset(token)


def goes_at_once(app: Any) -> bool:
    """Whether what is sent here is to be confirmed by the broker before the call returns."""
    block = _at_once.get()
    if block and block.open:
        return True
    task = app.current_worker_task
    # A task that a test, or web, has called eagerly is a part of that.
    return (
        task is not None
        and not task.request.is_eager
        and conf.TASKS_SEND_BY == "broker"
        and not in_transaction()
    )


def is_kept(app: Any) -> bool:
    """Whether what is called here becomes rows of its own: nobody captures it, or runs it instead."""
    return captured_rows() is None and not is_eager(app) and not goes_at_once(app)
