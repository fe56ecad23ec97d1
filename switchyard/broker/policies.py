"""Derives the broker's policies: all of a queue that must be changeable without declaring it anew."""

import re

from switchyard.broker.definitions import Policy
from switchyard.queues import DEAD_LETTER_EXCHANGE, QueueSpec

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
    """Keep what is there, however often somebody looks at it and puts it back."""
    return _policy(spec.dead_letter_queue, {"delivery-limit": DELIVERIES_WITHOUT_END})


def delayed_policy(prefix: str) -> Policy:
    """Say what the delayed queues' arguments say, to keep a policy for ".*" from expiring what waits."""
    return Policy(f"{PREFIX}delayed", f"^{re.escape(prefix)}", {"overflow": "reject-publish"}, PRIORITY)


def _policy(queue: str, definition: dict[str, str | int]) -> Policy:
    return Policy(f"{PREFIX}{queue}", f"^{re.escape(queue)}$", definition, PRIORITY)
