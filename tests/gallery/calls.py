"""Ways to call another task from a running one; by the word that the task's caller says."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from celery import group
from django.db import transaction

from app.celery import app


class Taken(Exception):
    """What a block raises that is to be rolled back."""


def other(key: str) -> Any:
    return app.tasks["gallery.io_wait"].si(f"{key} called")


def alone(_task: Any, key: str) -> None:
    other(key).delay()


def together(_task: Any, key: str) -> None:
    group(other(f"{key} {number}") for number in range(3)).delay()


def by_name(_task: Any, key: str) -> None:
    app.send_task("gallery.io_wait", [f"{key} called"])


def committed(_task: Any, key: str) -> None:
    with transaction.atomic():
        other(key).delay()


def rolled_back(_task: Any, key: str) -> None:
    with suppress(Taken), transaction.atomic():
        other(key).delay()
        raise Taken


def retried(task: Any, key: str) -> None:
    """Its retry is raised in a transaction, which that rolls back."""
    if task.request.retries:
        other(key).delay()
        return
    with transaction.atomic():
        raise task.retry(countdown=1)


def replaced(task: Any, key: str) -> None:
    with transaction.atomic():
        raise task.replace(other(key))


WAYS: dict[str, Callable[[Any, str], None]] = {
    way.__name__: way for way in (alone, together, by_name, committed, rolled_back, retried, replaced)
}
