"""Compares the declared topology with a live one."""

from collections.abc import Iterator

from switchyard.broker.claim import others, remedy, whose
from switchyard.broker.definitions import Definition, Exchange, Facts, Policy, Queue, Topology
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
#: What a policy may be in force on.
Governed = Queue | Exchange


def differences(declared: Topology, live: Topology) -> list[Difference]:
    """Every difference, in the order in which it has to be mended. Empty if the broker is as declared."""
    foreign = [
        Difference(mark, NOTHING, whose(mark), Mend.DISPLACE, remedy()) for mark in others(declared, live)
    ]
    return [*foreign, *_wanted(declared, live), *stale(declared, live)]


def _wanted(declared: Topology, live: Topology) -> Iterator[Difference]:
    for name, thing in declared.items():
        found = live.get(name)
        if found is None:
            yield Difference(thing, words(thing.facts()), NOTHING, Mend.CREATE)
        elif thing.facts() != found.facts():
            yield _altered(thing, found)
        elif isinstance(thing, Governed) and isinstance(found, Governed):
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


def _overruled(thing: Governed, found: Governed, declared: Topology, live: Topology) -> Iterator[Difference]:
    """The policy is on the broker as declared, but something else decides."""
    policy = declared.get(f"policy {thing.policy}")
    if not isinstance(policy, Policy) or live.get(str(policy)) != policy:
        return
    if found.policy != thing.policy:
        yield _shadowed(thing, found, policy, live)
    elif isinstance(found, Queue) and found.overlay:
        effective = _under(found.overlay, policy)
        if effective != policy.definition:
            expected, came = contrast(dict(policy.definition), effective)
            yield Difference(thing, expected, came, Mend.REFUSE, _operators(found.overlay))


def _under(overlay: Policy, ours: Policy) -> Facts:
    """What the two come to: of two numbers the lower, otherwise what the operator says."""
    effective = dict(ours.definition)
    for key, theirs in overlay.definition.items():
        mine = effective.get(key)
        effective[key] = min(mine, theirs) if isinstance(mine, int) and isinstance(theirs, int) else theirs
    return effective


def _operators(overlay: Policy) -> str:
    return (
        f"the operator policy {overlay.name}{_rank(overlay)} decides: ask those who run the broker to change "
        "or clear it, or to leave our queues out of its pattern"
    )


def _rank(policy: Policy) -> str:
    return f" (priority {policy.priority}, pattern {policy.pattern})"


def _shadowed(thing: Governed, found: Governed, ours: Policy, live: Topology) -> Difference:
    other = live.get(f"policy {found.policy}")
    rank = _rank(other) if isinstance(other, Policy) else ""
    return Difference(
        thing,
        f"policy {ours.name} in force",
        f"policy {found.policy or 'none'}{rank}",
        Mend.REFUSE,
        f"delete that policy, or give it a priority below {ours.priority}, or a pattern without {thing.name}",
    )
