"""Derives the broker's policies: all of a queue that must be changeable without declaring it anew."""

import re

from switchyard.broker.definitions import Policy
from switchyard.queues import DEAD_LETTER_EXCHANGE, EXCHANGE, UNROUTABLE, UNROUTABLE_EXCHANGE, QueueSpec

#: Marks a policy as ours, so that one that is no longer declared can be told from somebody else's.
PREFIX = "switchyard-"
#: Above 0, the default, so that a policy for ".*" that somebody adds without a priority leaves ours in force.
PRIORITY = 10

#: The first version whose policies know consumer-timeout. 3.10.8 refuses it ("not recognised policy
#: settings"); there the limit is `consumer_timeout` in rabbitmq.conf, 30 minutes unless set.
CONSUMER_TIMEOUT_SINCE = (3, 12)

#: RabbitMQ counts each lost connection as a failed delivery, and 4 drops a message after 20 of them where
#: nothing else is said (4.3.6: gone at the 21st look). A run that was lost is counted by the workers instead
#: (switchyard/worker/losses.py). -1 would mean "never", but 3.10 refuses it; this number both take.
DELIVERIES_WITHOUT_END = 1_000_000
#: A queue of 3.10 without any length says to nobody that it takes messages again, once the last operator
#: policy with one is gone: what it has refused is never tried again. This one no queue reaches.
UNREACHED_LENGTH = 1_000_000_000
REFUSING: dict[str, str | int] = {"overflow": "reject-publish", "max-length": UNREACHED_LENGTH}
KEPT = REFUSING | {"delivery-limit": DELIVERIES_WITHOUT_END}


def work_policy(spec: QueueSpec, version: tuple[int, ...]) -> Policy:
    """Refuse when full, and hand what fails to the dead-letter queue: neither loses a message."""
    definition: dict[str, str | int] = {
        "dead-letter-exchange": DEAD_LETTER_EXCHANGE,
        "dead-letter-routing-key": spec.dead_letter_queue,
        "dead-letter-strategy": "at-least-once",
        "overflow": "reject-publish",
        "max-length": spec.max_length,
        "delivery-limit": DELIVERIES_WITHOUT_END,
    }
    if version >= CONSUMER_TIMEOUT_SINCE:
        definition["consumer-timeout"] = spec.consumer_timeout_seconds * 1000
    return _policy(spec.name, definition)


def dead_letter_policy(spec: QueueSpec) -> Policy:
    """Keep what is there, however often somebody looks at it and puts it back.

    Under a limit that an operator policy sets it refuses what is too much, and would drop the oldest by
    RabbitMQ's default. What it refuses stays in the queue that it came from, and comes when there is room.
    """
    return _policy(spec.dead_letter_queue, KEPT)


def unroutable_policy() -> Policy:
    """The same of what found no queue."""
    return _policy(UNROUTABLE, KEPT)


def alternate_policy(delayed_prefix: str) -> Policy:
    """Send on what an exchange has no queue for: of delayed delivery, of the tasks and of the dead letters.

    Otherwise the queue it was to leave keeps it: behind 32 of them nothing else leaves that queue either.
    A policy, as Celery's workers declare these exchanges themselves, without arguments.
    """
    ours = "|".join(map(re.escape, (EXCHANGE, DEAD_LETTER_EXCHANGE)))
    pattern = f"^({re.escape(delayed_prefix)}.+|{ours})$"
    definition = {"alternate-exchange": UNROUTABLE_EXCHANGE}
    return Policy(f"{PREFIX}{UNROUTABLE_EXCHANGE}", pattern, definition, PRIORITY, "exchanges")


def delayed_policy(prefix: str) -> Policy:
    """Say what the delayed queues' arguments say, to keep a policy for ".*" from expiring what waits."""
    return Policy(f"{PREFIX}delayed", f"^{re.escape(prefix)}", REFUSING, PRIORITY)


def _policy(queue: str, definition: dict[str, str | int]) -> Policy:
    return Policy(f"{PREFIX}{queue}", f"^{re.escape(queue)}$", definition, PRIORITY)
