"""Derives the declared topology: all that has to be on the broker before anybody publishes."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from switchyard.broker.claim import marks
from switchyard.broker.declarations import DELAYED, delayed_delivery, work_queues
from switchyard.broker.definitions import Binding, Definition, Exchange, Policy, Queue, Topology
from switchyard.broker.policies import (
    alternate_policy,
    dead_letter_policy,
    delayed_policy,
    unroutable_policy,
    work_policy,
)
from switchyard.queues import DEAD_LETTER_EXCHANGE, UNROUTABLE, UNROUTABLE_EXCHANGE
from switchyard.routing import QUEUES

#: Of two words at least. What was held back by a countdown has one for each bit of it, a dead letter has
#: ``io.dead``. What was just published has its queue's name alone: it is returned to its publisher, who keeps
#: it and sends it again when the queue is there.
NOT_JUST_PUBLISHED = "*.*.#"

#: What `topology show` prints the policies for when it has not asked a broker.
NEWEST = (4, 3)


def declared(version: tuple[int, ...] = NEWEST, identity: str = "") -> Topology:
    """The topology for a broker of this version, in the order in which it has to be applied.

    With the ``identity`` of the installation its mark is a part of it.

    A queue comes after its policy and after its dead-letter queue, so it never holds a message whose
    dead-letter target is missing. The dead-letter queues come after all but the queues that Celery's workers
    declare themselves: whoever sees one knows that policies and delayed delivery are there.
    """
    policies = list(_policies(version))
    delayed, dead, work = delayed_delivery(), [*_unroutable(), *_dead_letters()], work_queues()
    exchanges = [thing for thing in (*delayed, *dead, *work) if isinstance(thing, Exchange)]
    ordered = _with_policies([*exchanges, *delayed, *dead, *work], policies)
    return {str(thing): thing for thing in (*marks(identity), *policies, *ordered)}


def version_of(text: str) -> tuple[int, ...]:
    """Major and minor of ``4.3.6`` or ``4.4.0-rc.1``, to be compared."""
    return tuple(int(number) for number in re.findall(r"\d+", text)[:2])


def _policies(version: tuple[int, ...]) -> Iterator[Policy]:
    yield delayed_policy(DELAYED)
    yield unroutable_policy()
    yield alternate_policy(DELAYED)
    for spec in QUEUES.values():
        yield dead_letter_policy(spec)
        yield work_policy(spec, version)


def _unroutable() -> Iterator[Definition]:
    yield Exchange(UNROUTABLE_EXCHANGE, "topic")
    yield Queue(UNROUTABLE, {"x-queue-type": "quorum"}, None)
    yield Binding(UNROUTABLE_EXCHANGE, UNROUTABLE, "queue", NOT_JUST_PUBLISHED)


def _dead_letters() -> Iterator[Definition]:
    yield Exchange(DEAD_LETTER_EXCHANGE, "direct")
    for spec in QUEUES.values():
        yield Queue(spec.dead_letter_queue, {"x-queue-type": "quorum"}, None)
        yield Binding(DEAD_LETTER_EXCHANGE, spec.dead_letter_queue, "queue", spec.dead_letter_queue)


def _with_policies(things: Iterable[Definition], policies: list[Policy]) -> Iterator[Definition]:
    """The same things, each queue and exchange with the name of the policy that should be in force on it."""
    for thing in things:
        if isinstance(thing, Queue):
            yield replace(thing, policy=_matching(policies, "queues", thing.name))
        elif isinstance(thing, Exchange):
            yield replace(thing, policy=_matching(policies, "exchanges", thing.name))
        else:
            yield thing


def _matching(policies: list[Policy], kind: str, name: str) -> str | None:
    found = (each.name for each in policies if each.apply_to == kind and re.search(each.pattern, name))
    return next(found, None)
