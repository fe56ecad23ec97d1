"""`kubectl port-forward`, for as long as a block runs."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from deploy.cluster.tools import tool
from deploy.local.ports import LOOPBACK, free_ports
from deploy.local.processes import end, spawn
from tests.cluster.cluster import Cluster
from tests.node.looking import eventually


@contextmanager
def forwarded(cluster: Cluster, target: str, port: int) -> Iterator[int]:
    """The port of loopback behind which ``target``, as ``service/web``, answers. It ends with its pod."""
    (local,) = free_ports(1)
    command = [tool("kubectl"), "port-forward", target, f"{local}:{port}"]
    folder = cluster.plane.folder
    with (folder / "forward.log").open("ab") as output:
        process = spawn(command, home=folder, env=cluster.environment, output=output)
    try:
        eventually(lambda: open_at(local), what=f"{target} behind port {local}")
        yield local
    finally:
        end(process, grace_seconds=0)


def open_at(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0
