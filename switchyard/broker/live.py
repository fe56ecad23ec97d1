"""Reads and changes the topology of a vhost through the management API."""

from switchyard.broker.definitions import Binding, Definition, Exchange, Policy, Queue, Topology
from switchyard.broker.management import Management, ManagementError, Row


def live_topology(management: Management) -> Topology:
    """Everything in the vhost, declared by us or not. None of it comes from collected statistics."""
    things: list[Definition] = [
        *map(_policy, management.rows("policies", ("name", "pattern", "definition", "priority", "apply-to"))),
        *map(_exchange, management.rows("exchanges", ("name", "type", "durable", "auto_delete"))),
        *map(_queue, _queue_rows(management)),
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
    """Remove a policy or a binding: what holds no messages."""
    match thing:
        case Policy():
            management.delete("policies", thing.name)
        case Binding():
            management.delete("bindings", *_ends(thing), thing.properties_key)
        case _:
            raise ValueError(f"{thing} may hold messages: only policies and bindings are removed.")


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
        ("policy", "effective_policy_definition"),
        disable_stats="true",
    )


def _binding_rows(management: Management) -> list[Row]:
    fields = ("source", "destination", "destination_type", "routing_key", "properties_key")
    return [row for row in management.rows("bindings", fields) if row["source"]]


def _policy(row: Row) -> Policy:
    return Policy(row["name"], row["pattern"], row["definition"], row["priority"], row["apply-to"])


def _exchange(row: Row) -> Exchange:
    return Exchange(row["name"], row["type"], row["durable"], row["auto_delete"])


def _queue(row: Row) -> Queue:
    # 3.10 leaves the type out of a classic queue's arguments.
    arguments = {"x-queue-type": row["type"], **row["arguments"]}
    effective = row.get("effective_policy_definition") or None
    return Queue(row["name"], arguments, row.get("policy"), row["durable"], row["auto_delete"], effective)


def _binding(row: Row) -> Binding:
    ends = row["source"], row["destination"], row["destination_type"]
    return Binding(*ends, row["routing_key"], row["properties_key"])


def _ends(binding: Binding) -> tuple[str, ...]:
    return "e", binding.source, binding.destination_type[0], binding.destination
