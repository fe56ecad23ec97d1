"""Awaits the commits of other databases than the outbox's own, for rows that a call inside them has kept.

Two databases cannot commit as one: a process that dies between the commit of the other and the insert of the
rows, which follows it at once, loses them. Whoever cannot have that keeps what belongs together in one.
"""

from collections.abc import Callable
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, transaction

from switchyard.database import in_own_transaction


class Commit:
    """The commit of the transaction that is open on a database, after which ``then`` is called.

    At once if none is open.
    """

    def __init__(self, alias: str, then: Callable[[], object] | None = None) -> None:
        self.happened = False
        self._connection: Any = connections[alias]
        self._then = then
        transaction.on_commit(self, using=alias)
        self._move_before_others()

    def __call__(self) -> None:
        self.happened = True
        if self._then:
            self._then()

    @property
    def rolled_back(self) -> bool:
        """Whether it will never happen: the transaction, or the savepoint that was open, was rolled back."""
        waiting = any(hook is self for _, hook, _ in self._connection.run_on_commit)
        return not (self.happened or waiting)

    def _move_before_others(self) -> None:
        """A hook that raises, after the commit, ends those that come after it."""
        hooks = self._connection.run_on_commit
        if hooks and hooks[-1][1] is self:
            ours = sum(isinstance(hook, Commit) for _, hook, _ in hooks) - 1
            hooks.insert(ours, hooks.pop())


def open_elsewhere() -> list[str]:
    """The aliases of the other databases on which the caller has a transaction open."""
    return [
        connection.alias
        for connection in connections.all(initialized_only=True)
        if connection.alias != DEFAULT_DB_ALIAS and in_own_transaction(connection)
    ]
