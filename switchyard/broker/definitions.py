"""Defines what a topology is made of: policies, exchanges, queues and bindings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: What there is to compare about a thing, in the management API's words.
Facts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Policy:
    """Settings that the broker lays over the queues, or exchanges, whose names match ``pattern``."""

    name: str
    pattern: str
    definition: Mapping[str, Any]
    priority: int
    apply_to: str = "queues"

    def __str__(self) -> str:
        return f"policy {self.name}"

    def facts(self) -> Facts:
        where = {"pattern": self.pattern, "priority": self.priority, "apply-to": self.apply_to}
        return where | dict(self.definition)


@dataclass(frozen=True, slots=True)
class Exchange:
    """An exchange and the name of the policy in force on it, if there is one."""

    name: str
    type: str
    durable: bool = True
    auto_delete: bool = False
    policy: str | None = None

    def __str__(self) -> str:
        return f"exchange {self.name}"

    def facts(self) -> Facts:
        """What can not be changed without declaring the exchange anew."""
        return {"type": self.type, "durable": self.durable, "auto_delete": self.auto_delete}


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue and the name of the policy in force on it: of all that match, the broker applies one."""

    name: str
    arguments: Mapping[str, Any]
    policy: str | None
    durable: bool = True
    auto_delete: bool = False
    #: On a live broker: the operator policy in force on it, which the broker lays over the other one.
    overlay: Policy | None = None

    def __str__(self) -> str:
        return f"queue {self.name}"

    @property
    def type(self) -> str:
        return str(self.arguments.get("x-queue-type", "classic"))

    def facts(self) -> Facts:
        """What can not be changed without declaring the queue anew."""
        return {"durable": self.durable, "auto_delete": self.auto_delete, **self.arguments}


@dataclass(frozen=True, slots=True)
class Binding:
    source: str
    destination: str
    destination_type: str
    routing_key: str
    #: On a live broker: the last part of the address under which it can be removed.
    properties_key: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"binding {self.source} -> {self.destination_type} {self.destination} by {self.routing_key}"

    def facts(self) -> Facts:
        """Nothing: a binding is all name, there or not."""
        return {}


Definition = Policy | Exchange | Queue | Binding

#: Things by what they print as. A declared topology is in the order in which it has to be applied.
Topology = dict[str, Definition]
