"""Sends with the caller's transaction: keeps rows until its commit inserts them."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from celery.canvas import Signature
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from switchyard.broker.options import is_eager
from switchyard.database import (
    in_own_transaction,
    in_transaction_by_hand,
    outside_of_event_loop,
)
from switchyard.outbox import journal
from switchyard.outbox import rows as outbox_rows
from switchyard.outbox.awaited import Commit, open_elsewhere
from switchyard.outbox.capture import captured
from switchyard.outbox.rows import Row


def send_on_commit(signature: Signature[Any], *, using: str | None = None, **options: Any) -> str:
    """Send a task or a canvas (chain, group, chord) with the caller's transaction, or in one of its own.

    Returns the id of its result at once. Nothing is sent if the transaction, or the savepoint around this
    call, rolls back. ``using`` as for ``keep``. Raises switchyard.outbox.errors.TaskCallError, and then
    nothing of the canvas is kept.
    """
    if is_eager(signature.app):
        # As Celery's own ``delay_on_commit`` does.
        transaction.on_commit(partial(signature.apply_async, **options), using=using)
        return str(signature.freeze().id)
    with captured() as rows:
        result = signature.apply_async(**options)
    keep(rows, using)
    return str(result.id)


def hand_over(rows: Sequence[Row]) -> None:
    """Have the rows inserted by the commit of the transaction that is open; where none is, now.

    In Django's TestCase "now" is in its transaction, as what is written outside of a block is.
    """
    if any(map(in_own_transaction, connections.all(initialized_only=True))):
        keep(rows)
    elif connections[DEFAULT_DB_ALIAS].in_atomic_block:
        Kept(rows)()
    else:
        Kept(rows).with_the_commit()


def keep(rows: Sequence[Row], using: str | None = None) -> None:
    """Have the rows inserted by the commit of the transaction that is open, or now if there is none.

    One on another database counts too: nothing is inserted if it has rolled back by then, nor before its
    commit where ``default`` has none. ``using`` names the one database whose transaction is to count.
    """
    if not rows:
        return
    kept = Kept(rows)
    others = open_elsewhere() if using is None else [using] if using != DEFAULT_DB_ALIAS else []
    if not others:
        kept.with_the_commit()
    elif using is None and in_own_transaction(connections[DEFAULT_DB_ALIAS]):
        kept.others = [Commit(alias) for alias in others]
        transaction.on_commit(kept)
    else:
        kept.others = [Commit(alias, kept.when_others_committed) for alias in others]


class Kept:
    """Rows that wait for the commit, where Django keeps what a savepoint's rollback takes back.

    The commit inserts them (``switchyard.postgresql``) and this call, after it, only says so. Where no commit
    came first it inserts them itself: outside a transaction, and in Django's TestCase.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        self.inserted = False
        #: Of the other databases on which a transaction was open around the call.
        self.others: Sequence[Commit] = ()

    def __call__(self) -> None:
        if not (self.inserted or self.is_void()):
            self._insert()
        if self.inserted:
            for row in self.rows:
                journal.accepted(row.task_id, row.task, row.queue)

    def with_the_commit(self) -> None:
        """Have the rows inserted by the commit, or now. Where autocommit is off, who commits says nothing."""
        default = connections[DEFAULT_DB_ALIAS]
        if default.in_atomic_block:
            transaction.on_commit(self)
        elif in_transaction_by_hand(default):
            self._insert()
        else:
            outside_of_event_loop(self)

    def _insert(self) -> None:
        outbox_rows.insert(connections[DEFAULT_DB_ALIAS], self.rows)
        self.inserted = True

    def is_void(self) -> bool:
        """Whether one of the other transactions has rolled back."""
        return any(commit.rolled_back for commit in self.others)

    def when_others_committed(self) -> None:
        """Have the rows inserted, after the last of the other commits."""
        if all(commit.happened for commit in self.others):
            transaction.on_commit(self)


def commit_kept(connection: BaseDatabaseWrapper) -> None:
    """Insert what has been kept in the transaction that is about to commit, and commit it if there is any."""
    hooks: list[Any] = connection.run_on_commit
    waiting = [hook for _, hook, _ in hooks if isinstance(hook, Kept) and not hook.is_void()]
    rows = [row for kept in waiting if not kept.inserted for row in kept.rows]
    if rows:
        outbox_rows.insert(connection, rows, commit=True)
        for kept in waiting:
            kept.inserted = True


def forget_kept(connection: BaseDatabaseWrapper, count: int) -> None:
    """Forget the rows that were kept after the first ``count`` of the hooks that wait for the commit."""
    hooks: list[Any] = connection.run_on_commit
    hooks[count:] = [hook for hook in hooks[count:] if not isinstance(hook[1], Kept)]


class OutboxCommit:
    """Has a backend of PostgreSQL's take the outbox along; a part of ``switchyard.DatabaseMixin``."""

    def __init__(self: Any, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        #: How many hooks waited for the commit when each savepoint was made.
        self._hooks_before: dict[str, int] = {}

    def commit(self: Any) -> None:
        """Insert what was kept for the outbox and commit both. An error of either rolls both back.

        Both in one round trip; there is nothing left for the driver to commit then.

        Not an on_commit hook, which runs after the commit and may never run; and not an INSERT at each call,
        which a request that sends to twenty webhooks would wait for twenty times.
        """
        # What Django refuses in super().commit(), which would come too late.
        self.validate_thread_sharing()
        self.validate_no_atomic_block()
        self._hooks_before.clear()
        try:
            commit_kept(self)
            super().commit()  # type: ignore[misc]
        except DatabaseError:
            raise
        except BaseException:
            # A soft limit, for one. Django rolls back for a DatabaseError alone: the next commit would take
            # along what is left of this one.
            self.close()
            raise

    def savepoint(self: Any) -> str | None:
        sid: str | None = super().savepoint()  # type: ignore[misc]
        if sid is not None:
            self._hooks_before[sid] = len(self.run_on_commit)
        return sid

    def savepoint_rollback(self: Any, sid: str) -> None:
        """Forget what was kept since; Django does for the savepoint of a block, but not for one by hand."""
        super().savepoint_rollback(sid)  # type: ignore[misc]
        forget_kept(self, self._hooks_before.get(sid, len(self.run_on_commit)))
