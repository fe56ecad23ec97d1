"""The run's own network: a bridge in its namespace, and a wire from it to each node."""

from dataclasses import dataclass

from deploy.local.commands import output_of

#: Where the control plane listens, and where requests from outside the cluster come from.
OUTSIDE = "192.168.77.1"
NODES = "192.168.77.0/24"
SERVICES = "10.96.0.0/16"
#: Of the cluster's own name service.
NAME_SERVICE = "10.96.0.10"
BRIDGE = "nodes"


@dataclass(frozen=True)
class Address:
    """Of a node, whose number is in all that it has."""

    number: int

    @property
    def name(self) -> str:
        return f"node-{self.number}"

    @property
    def ip(self) -> str:
        return f"192.168.77.{10 + self.number}"

    @property
    def pods(self) -> str:
        return f"10.244.{self.number}.0/24"

    @property
    def wire(self) -> str:
        return f"wire-{self.number}"


def make_bridge() -> None:
    """In this process's own network namespace, which has nothing yet."""
    ip("link", "set", "lo", "up")
    ip("link", "add", BRIDGE, "type", "bridge")
    ip("address", "add", f"{OUTSIDE}/24", "dev", BRIDGE)
    ip("link", "set", BRIDGE, "up")


def connect(node: Address, pid: int, others: list[Address]) -> None:
    """A wire from the bridge to the network of ``pid``, with the ways to all that is behind the others."""
    ip("link", "add", node.wire, "type", "veth", "peer", "name", "eth0", "netns", str(pid))
    ip("link", "set", node.wire, "master", BRIDGE, "up")
    inside(pid, "link", "set", "lo", "up")
    inside(pid, "address", "add", f"{node.ip}/24", "dev", "eth0")
    inside(pid, "link", "set", "eth0", "up")
    # Nothing there passes it on: the network ends at the machine.
    inside(pid, "route", "add", "default", "via", OUTSIDE)
    for other in others:
        inside(pid, "route", "add", other.pods, "via", other.ip)
    ip("route", "replace", node.pods, "via", node.ip)


def lead_to_services(node: Address) -> None:
    """From outside the cluster, as a load balancer's way to its nodes is."""
    ip("route", "replace", SERVICES, "via", node.ip)


def inside(pid: int, *arguments: str) -> None:
    output_of(["nsenter", f"--target={pid}", "--net", "--", "ip", *arguments])


def ip(*arguments: str) -> None:
    output_of(["ip", *arguments])
