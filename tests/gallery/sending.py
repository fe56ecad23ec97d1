"""Ways to send, from a task, what no broker takes; by the word that the task's caller says."""

from collections.abc import Callable
from typing import Any

from kombu import Connection

from app.celery import app

#: Seconds until the message expires. The broker refuses a number below zero, and closes the channel for it.
REFUSED = {"expiration": -1}


def send(_task: Any) -> None:
    app.tasks["gallery.io_wait"].apply_async(("never",), **REFUSED)


def retry(task: Any) -> None:
    raise task.retry(countdown=0, **REFUSED)


def publish(_task: Any) -> None:
    """Past Celery, but by its producer."""
    with app.producer_pool.acquire(block=True) as producer:
        producer.publish("never", routing_key="io", **REFUSED)


def ask_elsewhere(_task: Any) -> None:
    """By a connection of the task's own, of a queue that is not there."""
    with Connection(app.conf.broker_url) as connection:
        connection.default_channel.queue_declare("nowhere", passive=True)


WAYS: dict[str, Callable[[Any], None]] = {
    "send": send,
    "retry": retry,
    "publish": publish,
    "ask elsewhere": ask_elsewhere,
}
