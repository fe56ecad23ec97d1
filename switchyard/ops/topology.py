"""Prints the topology for people (tables) and for programs (objects)."""

from collections.abc import Iterable
from typing import Any

from switchyard.broker.declarations import DELAYED
from switchyard.broker.definitions import Binding, Definition, Exchange, Policy, Queue, Topology
from switchyard.ops.format import table

Objects = dict[str, list[dict[str, Any]]]


def objects(things: Iterable[Definition]) -> Objects:
    """The things by kind, each with its own fields."""
    listed: Objects = {"policies": [], "exchanges": [], "queues": [], "bindings": []}
    for thing in things:
        match thing:
            case Policy():
                listed["policies"].append({"name": thing.name, **thing.facts()})
            case Exchange():
                listed["exchanges"].append({"name": thing.name, **thing.facts()})
            case Queue():
                listed["queues"].append({"name": thing.name, "policy": thing.policy, **thing.facts()})
            case Binding():
                listed["bindings"].append(_ends(thing))
    return listed


def tables(topology: Topology) -> str:
    """A table for each kind. Delayed delivery, which is Celery's own, is one line."""
    delayed = [thing for thing in topology.values() if _is_delayed(thing)]
    rest = objects(thing for thing in topology.values() if not _is_delayed(thing))
    parts = [
        ("POLICIES", [_policy_row(policy) for policy in rest["policies"]]),
        ("EXCHANGES", [{"name": item["name"], "type": item["type"]} for item in rest["exchanges"]]),
        ("QUEUES", [_queue_row(queue) for queue in rest["queues"]]),
        ("BINDINGS", rest["bindings"]),
    ]
    text = "\n\n".join(f"{heading}\n{table(rows)}" for heading, rows in parts)
    return f"{text}\n\nDELAYED DELIVERY\n{_delayed_line(delayed)}"


def _ends(binding: Binding) -> dict[str, str]:
    return {
        "from": binding.source,
        "routing_key": binding.routing_key,
        "to": binding.destination,
        "type": binding.destination_type,
    }


def _is_delayed(thing: Definition) -> bool:
    """Whether it belongs to the chain of waiting queues. The way from its end to a queue does not."""
    name = thing.source if isinstance(thing, Binding) else thing.name
    return name.startswith(DELAYED) and not (
        isinstance(thing, Binding) and thing.routing_key.startswith("#.")
    )


def _policy_row(policy: dict[str, Any]) -> dict[str, Any]:
    shown = {"name": policy.pop("name"), "pattern": policy.pop("pattern"), "priority": policy.pop("priority")}
    policy.pop("apply-to")
    return {**shown, "settings": ", ".join(f"{key}={value}" for key, value in policy.items())}


def _queue_row(queue: dict[str, Any]) -> dict[str, Any]:
    return {"name": queue["name"], "type": queue["x-queue-type"], "policy": queue["policy"]}


def _delayed_line(things: list[Definition]) -> str:
    queues = [thing for thing in things if isinstance(thing, Queue)]
    bindings = sum(isinstance(thing, Binding) for thing in things)
    return (
        f"{len(queues)} {queues[0].type} queues {queues[0].name} to {queues[-1].name} under the policy "
        f"{queues[0].policy}, an exchange for each, and {bindings} bindings; --json lists them."
    )
