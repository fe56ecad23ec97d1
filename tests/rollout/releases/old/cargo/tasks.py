"""Three tasks before the release that gives each an argument more, ``mark``, in one of three ways."""

from celery import shared_task

from switchyard.routing import QUEUES
from tests.faults.ledger.tasks import work


def accept(task, key: str, seconds: float = 0) -> None:
    """Will take the argument, which nobody sends yet: the first of two releases. Idempotent as ``work``."""
    work(task, key, seconds)


def send(task, key: str, seconds: float = 0, mark: str = "none") -> None:
    """Takes the argument already, which nobody sends yet. Idempotent as ``work``."""
    work(task, key, seconds)


def rush(task, key: str, seconds: float = 0) -> None:
    """Will take and be sent the argument by one release, which is a mistake. Idempotent as ``work``."""
    work(task, key, seconds)


for queue in QUEUES:
    for habit in (accept, send, rush):
        shared_task(name=f"cargo.{queue}_{habit.__name__}", bind=True)(habit)
