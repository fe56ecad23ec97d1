"""A cluster of three private nodes on loopback, for what one node cannot show."""

import os
import secrets
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.node import Node, Peers
from deploy.local.ports import LOOPBACK, free_ports
from deploy.local.readiness import ready_version
from deploy.local.servers import USER, installation

PASSWORD = "for-three"
NAMES = tuple(f"yard{number}@localhost" for number in (1, 2, 3))


@dataclass
class Three:
    nodes: list[Node]
    version: str = ""

    @property
    def url(self) -> str:
        """All three, as kombu takes alternatives."""
        return ";".join(f"pyamqp://{USER}:{PASSWORD}@{LOOPBACK}:{node.port}/%2F" for node in self.nodes)

    @property
    def management_url(self) -> str:
        return self.management_of(self.nodes[0])

    def management_of(self, node: Node) -> str:
        return f"http://{USER}:{PASSWORD}@{LOOPBACK}:{node.management_port}"

    def start(self, node: Node) -> None:
        node.start()
        self.await_ready(node)

    def await_ready(self, node: Node) -> None:
        """Until it answers AMQP and HTTP; a node that paused is not ready."""
        address = f"pyamqp://{LOOPBACK}:{node.port}"
        self.version = ready_version(address, self.management_of(node), node.running, node.log, 90)

    @contextmanager
    def cut_off(self, node: Node) -> Iterator[None]:
        """Neither side reaches the other: connections are closed, and new ones refused by another cookie.

        The nodes notice at once, where a cable that is pulled would first cost them a tick time.
        """
        others = [each for each in self.nodes if each is not node]
        for other in others:
            other.ctl("eval", _stranger(node.name))
        try:
            yield
        finally:
            for other in others:
                other.ctl("eval", f"erlang:set_cookie('{node.name}', erlang:get_cookie()).")

    @contextmanager
    def frozen(self, node: Node) -> Iterator[None]:
        """The node stands still and says nothing, as one whose machine swaps or whose cable is pulled."""
        pid = node.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)


@contextmanager
def started(home: Path) -> Iterator[Three]:
    peers = Peers(NAMES, free_ports(1)[0], secrets.token_hex(16))
    with ExitStack() as undo:
        three = Three([])
        for name in NAMES:
            folder = home / name
            folder.mkdir(parents=True)
            log = home / f"{name}.log"
            node = Node(installation(), folder, log, USER, PASSWORD, name=name, peers=peers)
            three.nodes.append(node)
            undo.callback(node.stop)
        three.nodes[0].start()
        with ThreadPoolExecutor() as pool:
            list(pool.map(Node.start, three.nodes[1:]))
            list(pool.map(three.await_ready, three.nodes))
        yield three


def _stranger(name: str) -> str:
    return f"erlang:set_cookie('{name}', 'a-stranger'), erlang:disconnect_node('{name}')."
