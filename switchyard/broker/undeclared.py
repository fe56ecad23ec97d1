"""Finds what is on the broker because it was declared once, and is declared no more."""

from collections.abc import Iterator

from switchyard.broker.definitions import Binding, Policy, Queue, Topology
from switchyard.broker.difference import NOTHING, PRESENT, Difference, Mend
from switchyard.broker.policies import PREFIX
from switchyard.queues import DEAD_LETTER_EXCHANGE, EXCHANGE
from switchyard.routing import HOME


def stale(declared: Topology, live: Topology) -> Iterator[Difference]:
    """Queues are kept, with what protects and reaches them. Policies and bindings of no queue are removed.

    What others have put into the vhost is none of our business.
    """
    draining = _draining_queues(declared, live)
    for name, thing in live.items():
        if name in declared:
            continue
        match thing:
            case Queue() if thing in draining:
                yield _queue(thing)
            case Policy() if thing.name.startswith(PREFIX):
                yield _policy(thing, draining)
            case Binding() if _joins_our_own(thing, declared, draining):
                yield Difference(thing, NOTHING, PRESENT, Mend.REMOVE)


def _draining_queues(declared: Topology, live: Topology) -> list[Queue]:
    """Queues that get, or got, our messages and are no longer declared."""
    ours = {EXCHANGE, DEAD_LETTER_EXCHANGE}
    bindings = [thing for thing in live.values() if isinstance(thing, Binding) and thing.source in ours]
    bound = {binding.destination for binding in bindings if binding.destination_type == "queue"}
    queues = [thing for thing in live.values() if isinstance(thing, Queue) and thing.name in bound]
    return [queue for queue in queues if str(queue) not in declared]


def _queue(queue: Queue) -> Difference:
    return Difference(
        queue,
        NOTHING,
        f"a queue bound to {EXCHANGE} or {DEAD_LETTER_EXCHANGE}",
        Mend.KEEP,
        f"it is not in QUEUES ({HOME}): let the previous release's worker drain it, or move its "
        f"messages, then delete it (rabbitmqctl delete_queue {queue.name})",
    )


def _policy(policy: Policy, draining: list[Queue]) -> Difference:
    """Without its policy a queue that is being drained would drop what fails."""
    protected = [queue.name for queue in draining if queue.policy == policy.name]
    if not protected:
        return Difference(policy, NOTHING, PRESENT, Mend.REMOVE)
    remedy = f"it protects {', '.join(protected)}; apply removes it once that queue is gone"
    return Difference(policy, NOTHING, PRESENT, Mend.KEEP, remedy)


def _joins_our_own(binding: Binding, declared: Topology, draining: list[Queue]) -> bool:
    """Between two declared things, and not the way of delayed messages to a queue that is being drained."""
    source, destination = f"exchange {binding.source}", f"{binding.destination_type} {binding.destination}"
    key = binding.routing_key.removeprefix("#.")
    return source in declared and destination in declared and key not in {queue.name for queue in draining}
