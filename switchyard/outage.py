"""Defines how a role, a verb or a task ends when a server is away.

A broker that is away is not the fault of the task that had something to send. A retry, the next step of a
chain, a chord's body or a ``.delay()`` in a task can meet one that is gone, full or blocked. Celery
dead-letters the task for that. Here its message goes back to the queue instead, as if it had not run: no
attempt is burned, and the next run, when the broker is there again, sends what this one could not. (A retry
could be kept in the outbox; but when the connection is lost the message is redelivered as well, and there
would be two of it.)

Only what ``.delay()`` and its like could not publish counts for that (``NotPublished``), and the one database
that has the engine's tables. What the broker refuses for the message's own sake, and what a connection of the
task's own to some broker or database raised, fails the task as any other error does (``switchyard.origin``).
"""

from typing import Any

from amqp.exceptions import AMQPError, ContentTooLarge, FrameError, FrameSyntaxError, PreconditionFailed
from celery.exceptions import Reject
from django.core.management.base import CommandError
from kombu.exceptions import LimitExceeded, OperationalError

#: Exit code of what needed a server that was away, beside 1 (a check found something) and 2 (wrong usage).
UNAVAILABLE = 3

#: What kombu and its driver raise, and nobody else.
BROKER_ERRORS = (OperationalError, LimitExceeded, AMQPError)

#: What the broker closes a channel or a connection with because of the message that it was given.
MESSAGE_FAULTS = (PreconditionFailed, ContentTooLarge, FrameError, FrameSyntaxError)


class NotPublished(OperationalError):
    """Raised by ``.delay()`` and its like for a message that the broker did not take and may take later."""


#: What sending a task ends with when the broker is away. The second: no connection was free.
BROKER_IS_AWAY = (NotPublished, LimitExceeded)
#: The same of what is known to come from sending a task: Celery 5.7 says of the second only what it is.
NOT_SENT = (OperationalError, LimitExceeded)


class BrokerAway(Reject):
    """Ends the run of a task that could not send something; its message goes back to the queue."""

    def __init__(self, reason: Any, requeue: bool = True) -> None:
        super().__init__(reason, requeue)


class DatabaseAway(BrokerAway):
    """The same for a database that is gone, failing over or read-only, or has no connection free."""


class DatabaseLost(BrokerAway):
    """The same for a connection that broke under a statement, which may be what broke it. Not for ever."""


class Contended(BrokerAway):
    """The same for a transaction that PostgreSQL ended in favour of another one, to run again soon."""


class Unavailable(CommandError):
    """A need was not met in time, or never will be. Says what, and what to change."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, returncode=UNAVAILABLE)


class NotYet(Exception):
    """The need is not met at this moment. Says what is missing."""


def first_line(error: BaseException) -> str:
    """What an error says in one line, or else its class."""
    return str(error).strip().partition("\n")[0] or type(error).__name__
