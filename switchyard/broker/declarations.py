"""Lists what Celery itself declares, by handing Celery and kombu a channel that only takes notes."""

from collections.abc import Callable
from typing import Any

from kombu.transport.native_delayed_delivery import (
    bind_queue_to_native_delayed_delivery_exchange,
    declare_native_delayed_delivery_exchanges_and_queues,
)

from switchyard.broker.definitions import Binding, Definition, Exchange, Queue
from switchyard.broker.options import declared_queues
from switchyard.celery import attached

DELAYED = "celery_delayed_"


def delayed_delivery() -> list[Definition]:
    """The chain of queues in which a message with a countdown waits."""
    queue_type = attached().conf.broker_native_delayed_delivery_queue_type
    return _recorded(lambda link: declare_native_delayed_delivery_exchanges_and_queues(link, queue_type))


def work_queues() -> list[Definition]:
    """The queues that workers consume, with their exchange and their bindings, the delayed ones included."""
    return _recorded(_declare_work_queues)


def _recorded(declare: Callable[[Any], None]) -> list[Definition]:
    notes = Notes()
    declare(notes)
    return notes.things


def _declare_work_queues(link: Any) -> None:
    for queue in declared_queues():
        queue.bind(link).declare()
        bind_queue_to_native_delayed_delivery_exchange(link, queue)


class Notes:
    """Stands in for kombu's connection and channel, as far as declaring goes, and keeps what was declared."""

    def __init__(self) -> None:
        self.things: list[Definition] = []

    def channel(self) -> "Notes":
        return self

    def prepare_queue_arguments(self, arguments: dict[str, Any] | None, **_: Any) -> dict[str, Any]:
        return arguments or {}

    def exchange_declare(self, exchange: str, type: str, durable: bool, auto_delete: bool, **_: Any) -> None:  # noqa: A002
        self.things.append(Exchange(exchange, type, durable, auto_delete))

    def queue_declare(
        self, queue: str, arguments: dict[str, Any], durable: bool, auto_delete: bool, **_: Any
    ) -> tuple[str, int, int]:
        self.things.append(Queue(queue, arguments, None, durable, auto_delete))
        return queue, 0, 0

    def queue_bind(self, queue: str, exchange: str, routing_key: str, **_: Any) -> None:
        self.things.append(Binding(exchange, queue, "queue", routing_key))

    def exchange_bind(self, destination: str, source: str, routing_key: str, **_: Any) -> None:
        self.things.append(Binding(source, destination, "exchange", routing_key))
