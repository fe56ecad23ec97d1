"""A broker that is away is not the fault of the task that had something to send.

A retry, the next step of a chain, a chord's body or a ``.delay()`` in a task can meet a broker that is gone,
full or blocked. Celery dead-letters the task for that. Here its message goes back to the queue instead, as
if it had not run: no attempt is burned, and the next run, when the broker is there again, sends what this one
could not. (A retry could be kept in the outbox; but when the connection is lost the message is redelivered as
well, and there would be two of it.)
"""

from typing import Any

from amqp import spec
from amqp.exceptions import AMQPError
from celery.exceptions import Reject
from celery.signals import worker_ready
from kombu.exceptions import LimitExceeded, OperationalError

#: What kombu and its driver raise, and nobody else.
BROKER_ERRORS = (OperationalError, LimitExceeded, AMQPError)

#: How long a message is held before it goes back: with a broker that answers but refuses messages (full, or
#: short of memory) it would be back at once.
HOLD_SECONDS = 30

#: The event loop of this worker. kombu's own global forgets it when a connection is lost.
_worker: dict[str, Any] = {}


class BrokerAway(Reject):
    """Ends the run of a task that could not send something; its message goes back to the queue."""

    def __init__(self, reason: Any, requeue: bool = True) -> None:
        super().__init__(reason, requeue)


def give_back_later(message: Any) -> None:
    """Return a message to its queue after HOLD_SECONDS. Callable from any thread.

    By basic.nack, which RabbitMQ 4.3 does not count towards the delivery limit (earlier ones count every
    return). On a connection that has been lost since there is nothing to do: the broker has taken it back.
    """
    hub = _worker["hub"]
    hub.call_soon(hub.call_later, HOLD_SECONDS, _give_back, message)


@worker_ready.connect
def _remember_loop(sender: Any, **_: Any) -> None:
    _worker["hub"] = sender.hub


def _give_back(message: Any) -> None:
    try:
        message.channel.send_method(spec.Basic.Nack, "Lbb", (message.delivery_tag, False, True))
    except (*BROKER_ERRORS, OSError):
        return
