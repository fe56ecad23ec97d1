"""A broker that is away is not the fault of the task that had something to send.

A retry, the next step of a chain, a chord's body or a ``.delay()`` in a task can meet a broker that is gone,
full or blocked. Celery dead-letters the task for that. Here its message goes back to the queue instead, as
if it had not run: no attempt is burned, and the next run, when the broker is there again, sends what this one
could not. (A retry could be kept in the outbox; but when the connection is lost the message is redelivered as
well, and there would be two of it.)
"""

from typing import Any

from amqp.exceptions import AMQPError
from celery.exceptions import Reject
from kombu.exceptions import LimitExceeded, OperationalError

#: What kombu and its driver raise, and nobody else.
BROKER_ERRORS = (OperationalError, LimitExceeded, AMQPError)


class BrokerAway(Reject):
    """Ends the run of a task that could not send something; its message goes back to the queue."""

    def __init__(self, reason: Any, requeue: bool = True) -> None:
        super().__init__(reason, requeue)
