"""Compares the declared topology with a live one."""

from collections.abc import Iterator

from switchyard.broker.definitions import Definition, Exchange, Policy, Queue, Topology
from switchyard.broker.difference import APPLY, NOTHING, Difference, Mend, contrast, words
from switchyard.broker.undeclared import stale
from switchyard.conf import conf

REPLACE_REMEDY = (
    "if it may hold messages, let its workers drain it and stop them; then run "
    f"`{conf.COMMAND} topology apply --replace-empty`, which deletes it only while it is empty and unused"
)
QUEUE_REMEDY = (
    "a queue keeps the arguments it was declared with, and RabbitMQ has no delete-if-empty for this type: "
    f"stop its producers, drain it, delete it (rabbitmqctl delete_queue NAME), then {APPLY}"
)
EXCHANGE_REMEDY = (
    "an exchange keeps the type it was declared with: stop the roles that publish to it, delete it in the "
    f"management interface, then {APPLY}"
)
OPERATOR_REMEDY = "an operator policy decides: ask those who run the broker to change or clear it"


def differences(declared: Topology, live: Topology) -> list[Difference]:
    """Every difference, in the order in which it has to be mended. Empty if the broker is as declared."""
    return [*_wanted(declared, live), *stale(declared, live)]


def _wanted(declared: Topology, live: Topology) -> Iterator[Difference]:
    for name, thing in declared.items():
        found = live.get(name)
        if found is None:
            yield Difference(thing, words(thing.facts()), NOTHING, Mend.CREATE)
        elif thing.facts() != found.facts():
            yield _altered(thing, found)
        elif isinstance(thing, Queue) and isinstance(found, Queue):
            yield from _overruled(thing, found, declared, live)


def _altered(thing: Definition, found: Definition) -> Difference:
    expected, came = contrast(thing.facts(), found.facts())
    match thing, found:
        case Queue(), Queue(type="classic"):
            return Difference(thing, expected, came, Mend.REPLACE, REPLACE_REMEDY)
        case Queue(), _:
            return Difference(thing, expected, came, Mend.REFUSE, QUEUE_REMEDY.replace("NAME", thing.name))
        case Exchange(), _:
            return Difference(thing, expected, came, Mend.REFUSE, EXCHANGE_REMEDY)
        case _:
            return Difference(thing, expected, came, Mend.CHANGE)


def _overruled(queue: Queue, found: Queue, declared: Topology, live: Topology) -> Iterator[Difference]:
    """The queue's policy is on the broker as declared, but something else decides."""
    policy = declared[f"policy {queue.policy}"]
    if not isinstance(policy, Policy) or live.get(str(policy)) != policy:
        return
    if found.policy != queue.policy:
        yield _shadowed(queue, found, policy, live)
    elif found.effective is not None and found.effective != policy.definition:
        expected, came = contrast(dict(policy.definition), dict(found.effective))
        yield Difference(queue, expected, came, Mend.REFUSE, OPERATOR_REMEDY)


def _shadowed(queue: Queue, found: Queue, ours: Policy, live: Topology) -> Difference:
    other = live.get(f"policy {found.policy}")
    rank = f" (priority {other.priority}, pattern {other.pattern})" if isinstance(other, Policy) else ""
    return Difference(
        queue,
        f"policy {ours.name} in force",
        f"policy {found.policy or 'none'}{rank}",
        Mend.REFUSE,
        f"delete that policy, or give it a priority below {ours.priority}, or a pattern without {queue.name}",
    )
