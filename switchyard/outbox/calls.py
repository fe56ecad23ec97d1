"""Checks a task call before anything is sent."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import connections
from django.db.models import Model, QuerySet
from kombu.utils.json import dumps

from switchyard.database import in_own_transaction
from switchyard.outbox.errors import DestinationRefused, ModelRefused, NotJson, OpenTransaction

#: What holds no other value.
PLAIN = {str, int, float, type(None)}

REFUSED_OPTIONS = ("queue", "exchange", "routing_key", "serializer")


class Block:
    """A block of code as a context remembers it. Whoever copied the context there (an asyncio task, a thread
    that was given it) may outlive the block, and must not go on as if it were still inside.
    """

    def __init__(self) -> None:
        self.open = True


_transaction_is_ours: ContextVar[Block | None] = ContextVar("transaction_is_ours", default=None)


def refuse_destination(task: str, options: Mapping[str, Any]) -> None:
    """Raise DestinationRefused for a queue, exchange, routing key or serializer among a call's options."""
    for option in REFUSED_OPTIONS:
        if options.get(option) is not None:
            raise DestinationRefused(task, option, options[option])


def refuse_arguments(task: str, args: Any, kwargs: Any) -> None:
    """Raise ModelRefused or NotJson for arguments that a message should not or cannot hold."""
    refuse_models(task, args, kwargs)
    try:
        dumps([args, kwargs])
    except (TypeError, ValueError) as reason:
        raise NotJson(task, reason) from reason


def refuse_models(task: str, args: Any, kwargs: Any) -> None:
    """Raise ModelRefused for a model instance or a queryset, however deep it lies."""
    for where, value in _leaves("args", list(args or ())):
        _refuse_model(task, where, value)
    for where, value in _leaves("kwargs", dict(kwargs or {})):
        _refuse_model(task, where, value)


def refuse_open_transaction(task: str) -> None:
    """Raise OpenTransaction while a transaction of the caller's is open on any database.

    The transaction that Django's TestCase (and pytest-django) wraps around a test is not the caller's.
    """
    block = _transaction_is_ours.get()
    if block and block.open:
        return
    if any(map(in_own_transaction, connections.all(initialized_only=True))):
        raise OpenTransaction(task)


@contextmanager
def publishing_in_transaction() -> Iterator[Block]:
    """Allow a publish inside a transaction, for code whose rollback leads to the same publish again."""
    block = Block()
    token = _transaction_is_ours.set(block)
    try:
        yield block
    finally:
        block.open = False
        _transaction_is_ours.reset(token)


def _refuse_model(task: str, where: str, value: Any) -> None:
    if isinstance(value, Model | QuerySet):
        raise ModelRefused(task, where, value)


def _leaves(where: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Each value inside lists and dictionaries with its place, as ``args[0]['user']``."""
    if type(value) in PLAIN:
        yield where, value
    elif isinstance(value, dict | Mapping):
        for key, item in value.items():
            yield from _leaves(f"{where}[{key!r}]", item)
    elif isinstance(value, list | tuple | set | frozenset):
        for index, item in enumerate(value):
            yield from _leaves(f"{where}[{index}]", item)
    else:
        yield where, value
