"""Derives the declared topology: all that has to be on the broker before anybody publishes."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from switchyard.broker.declarations import DELAYED, delayed_delivery, work_queues
from switchyard.broker.definitions import Binding, Definition, Exchange, Policy, Queue, Topology
from switchyard.broker.policies import dead_letter_policy, delayed_policy, work_policy
from switchyard.queues import DEAD_LETTER_EXCHANGE
from switchyard.routing import QUEUES

#: What `topology show` prints the policies for when it has not asked a broker.
NEWEST = (4, 3)


def declared(version: tuple[int, ...] = NEWEST) -> Topology:
    """The topology for a broker of this version, in the order in which it has to be applied.

    A queue comes after its policy and after its dead-letter queue, so it never holds a message whose
    dead-letter target is missing. The dead-letter queues come after all but the queues that Celery's workers
    declare themselves: whoever sees one knows that policies and delayed delivery are there.
    """
    policies = list(_policies(version))
    delayed, dead, work = delayed_delivery(), list(_dead_letters()), work_queues()
    exchanges = [thing for thing in (*delayed, *dead, *work) if isinstance(thing, Exchange)]
    ordered = _with_policies([*exchanges, *delayed, *dead, *work], policies)
    return {str(thing): thing for thing in (*policies, *ordered)}


def version_of(text: str) -> tuple[int, ...]:
    """Major and minor of ``4.3.6`` or ``4.4.0-rc.1``, to be compared."""
    return tuple(int(number) for number in re.findall(r"\d+", text)[:2])


def _policies(version: tuple[int, ...]) -> Iterator[Policy]:
    yield delayed_policy(DELAYED)
    for spec in QUEUES.values():
        yield dead_letter_policy(spec)
        yield work_policy(spec, version)


def _dead_letters() -> Iterator[Definition]:
    yield Exchange(DEAD_LETTER_EXCHANGE, "direct")
    for spec in QUEUES.values():
        yield Queue(spec.dead_letter_queue, {"x-queue-type": "quorum"}, None)
        yield Binding(DEAD_LETTER_EXCHANGE, spec.dead_letter_queue, "queue", spec.dead_letter_queue)


def _with_policies(things: Iterable[Definition], policies: list[Policy]) -> Iterator[Definition]:
    """The same things, each queue with the name of the policy that should be in force on it."""
    for thing in things:
        if isinstance(thing, Queue):
            matching = (policy.name for policy in policies if re.search(policy.pattern, thing.name))
            yield replace(thing, policy=next(matching, None))
        else:
            yield thing
