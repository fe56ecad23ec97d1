"""Reads and changes the topology of a vhost through the management API."""

import re

from switchyard.broker.claim import MARKED
from switchyard.broker.definitions import Binding, Definition, Exchange, Policy, Queue, Topology
from switchyard.broker.management import Management, ManagementError, Row

POLICY = ("name", "pattern", "definition", "priority", "apply-to")
EXCHANGE = ("name", "type", "durable", "auto_delete")


def live_topology(management: Management) -> Topology:
    """Everything in the vhost, declared by us or not. None of it comes from collected statistics."""
    overlays = [_policy(row) for row in management.rows("operator-policies", POLICY)]
    things: list[Definition] = [
        *map(_policy, management.rows("policies", POLICY)),
        *map(_exchange, management.rows("exchanges", EXCHANGE, ("policy",))),
        *(_queue(row, overlays) for row in _queue_rows(management)),
        *map(_binding, _binding_rows(management)),
    ]
    return {str(thing): thing for thing in things}


def declare(management: Management, thing: Definition) -> None:
    """Create it, or (a policy) change it."""
    match thing:
        case Policy():
            body = {"pattern": thing.pattern, "priority": thing.priority, "apply-to": thing.apply_to}
            management.put("policies", thing.name, body=body | {"definition": dict(thing.definition)})
        case Exchange():
            management.put("exchanges", thing.name, body=thing.facts())
        case Queue():
            body = {"durable": thing.durable, "auto_delete": thing.auto_delete}
            management.put("queues", thing.name, body=body | {"arguments": dict(thing.arguments)})
        case Binding():
            management.post("bindings", *_ends(thing), body={"routing_key": thing.routing_key})


def remove(management: Management, thing: Definition) -> None:
    """Remove a policy, a binding or a mark: what holds no messages."""
    match thing:
        case Policy():
            management.delete("policies", thing.name)
        case Binding():
            management.delete("bindings", *_ends(thing), thing.properties_key)
        case Exchange() if thing.name.startswith(MARKED):
            management.delete("exchanges", thing.name)
        case _:
            raise ValueError(f"{thing} may hold messages: only policies, bindings and marks are removed.")


def deleted_empty(management: Management, queue: Queue) -> str:
    """Delete a classic queue if it is empty and unused, which the broker decides as it deletes.

    Returns the broker's reason if it did not.
    """
    try:
        management.delete("queues", queue.name, **{"if-empty": "true", "if-unused": "true"})
    except ManagementError as error:
        if error.refused:
            return error.refused
        raise
    return ""


def _queue_rows(management: Management) -> list[Row]:
    # With statistics, the policy of a new queue stays unknown for up to 5 s; without, it is there at once.
    return management.rows(
        "queues",
        ("name", "type", "arguments", "durable", "auto_delete"),
        ("policy",),
        disable_stats="true",
    )


def _binding_rows(management: Management) -> list[Row]:
    fields = ("source", "destination", "destination_type", "routing_key", "properties_key")
    return [row for row in management.rows("bindings", fields) if row["source"]]


def _policy(row: Row) -> Policy:
    return Policy(row["name"], row["pattern"], row["definition"], row["priority"], row["apply-to"])


def _exchange(row: Row) -> Exchange:
    return Exchange(row["name"], row["type"], row["durable"], row["auto_delete"], row.get("policy"))


def _queue(row: Row, overlays: list[Policy]) -> Queue:
    # 3.10 leaves the type out of a classic queue's arguments.
    arguments = {"x-queue-type": row["type"], **row["arguments"]}
    overlay = _overlay(row["name"], row["type"], overlays)
    return Queue(row["name"], arguments, row.get("policy"), row["durable"], row["auto_delete"], overlay)


def _overlay(name: str, kind: str, overlays: list[Policy]) -> Policy | None:
    """Found here, as 3.10 says of a queue which one it is only with its statistics, up to 10 s late."""
    kinds = {"all", "queues", f"{kind}_queues"}
    matching = [each for each in overlays if each.apply_to in kinds and re.search(each.pattern, name)]
    return max(matching, key=lambda each: each.priority, default=None)


def _binding(row: Row) -> Binding:
    ends = row["source"], row["destination"], row["destination_type"]
    return Binding(*ends, row["routing_key"], row["properties_key"])


def _ends(binding: Binding) -> tuple[str, ...]:
    return "e", binding.source, binding.destination_type[0], binding.destination
