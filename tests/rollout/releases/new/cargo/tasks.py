"""The three tasks after it."""

from celery import shared_task

from switchyard.routing import QUEUES
from tests.faults.ledger.tasks import work


def accept(task, key: str, seconds: float = 0, mark: str = "none") -> None:
    """Takes the argument, which nobody sends yet. Idempotent as ``work``."""
    work(task, key, seconds)


def send(task, key: str, seconds: float = 0, mark: str = "none") -> None:
    """Is sent the argument, which the release before takes already. Idempotent as ``work``."""
    work(task, key, seconds)


def rush(task, key: str, seconds: float = 0, mark: str = "none") -> None:
    """Is sent the argument, which no worker of the release before takes. Idempotent as ``work``."""
    work(task, key, seconds)


for queue in QUEUES:
    for habit in (accept, send, rush):
        shared_task(name=f"cargo.{queue}_{habit.__name__}", bind=True)(habit)
