"""Gives a message back to its queue after a while, as if it had not run. Not for ever.

A broker that is gone is met once: when it is there again the message comes anew. One that answers and refuses
(a full queue, a missing one, an alarm) is met at each run, and each run does the task's work again. So a
message is held longer each time, and its task fails in the end.

| event         | fields                                            |
|---------------|---------------------------------------------------|
| task_returned | task_id, error, returns (until now), hold_seconds |
"""

from typing import Any

import structlog
from amqp import spec
from celery.signals import worker_ready

from switchyard.broker.deliveries import given_back
from switchyard.outage import BROKER_ERRORS, Contended, DatabaseAway

#: How long a message is held before it goes back the first time; then twice as long each time, up to this.
HOLD_SECONDS = 30
LONGEST_HOLD_SECONDS = 240
#: For one whose transaction gave way to another, which is over soon.
CONTENTION_SECONDS = 1
#: How often a message is given back, about two hours long, before its task has failed. A broker before 4.3
#: counts each as a failed delivery, and dead-letters by its own limit.
MOST_RETURNS = 30

log = structlog.get_logger("switchyard.tasks")

#: The event loop of this worker. kombu's own global forgets it when a connection is lost.
_worker: dict[str, Any] = {}


class StillRefused(Exception):
    """Ends a task that has been given back as often as it may be."""

    def __init__(self, reason: object) -> None:
        super().__init__(
            f"The task was given back {MOST_RETURNS} times, and each run has met what is away: {reason}. "
            "See the queue that it sends to, or the statement under which the database's connection breaks; "
            "mend that, and replay the dead letter."
        )


def is_refused_for_good(message: Any, reason: object) -> bool:
    """Whether it has been given back as often as it may be. A database that is away says so itself, and comes
    back; what a broker refuses may be refused for ever, and a statement may break its connection each time.
    """
    return given_back(message.headers) >= MOST_RETURNS and not isinstance(reason, DatabaseAway)


def hold_of(returns: int) -> int:
    """How long a message is held that has been given back so often."""
    return int(min(HOLD_SECONDS * 2 ** min(returns, MOST_RETURNS), LONGEST_HOLD_SECONDS))


def give_back(message: Any, task_id: str, reason: object) -> None:
    """Return the message of a run that met what is away, and say so. Callable from any thread."""
    returns = given_back(message.headers)
    hold = CONTENTION_SECONDS if isinstance(reason, Contended) else hold_of(returns)
    log.warning("task_returned", task_id=task_id, error=str(reason), returns=returns, hold_seconds=hold)
    give_back_later(message, hold)


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
