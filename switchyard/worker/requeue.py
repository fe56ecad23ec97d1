"""Gives a message back to its queue after a while, as if it had not run."""

from typing import Any

from amqp import spec
from celery.signals import worker_ready

from switchyard.outage import BROKER_ERRORS

#: How long a message is held before it goes back: with a broker that answers but refuses messages (full, or
#: short of memory) it would be back at once.
HOLD_SECONDS = 30

#: The event loop of this worker. kombu's own global forgets it when a connection is lost.
_worker: dict[str, Any] = {}


def give_back_later(message: Any, hold_seconds: float = HOLD_SECONDS) -> None:
    """Return a message to its queue after a while. Callable from any thread.

    By basic.nack, which RabbitMQ 4.3 does not count towards the delivery limit (earlier ones count every
    return). On a connection that has been lost since there is nothing to do: the broker has taken it back.
    """
    hub = _worker["hub"]
    hub.call_soon(hub.call_later, hold_seconds, _give_back, message)


@worker_ready.connect
def _remember_loop(sender: Any, **_: Any) -> None:
    _worker["hub"] = sender.hub


def _give_back(message: Any) -> None:
    try:
        message.channel.send_method(spec.Basic.Nack, "Lbb", (message.delivery_tag, False, True))
    except (*BROKER_ERRORS, OSError):
        return
