"""Loopback ports: free ones, and the ones a person asked for."""

import secrets
import socket
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from deploy.local.errors import LocalError

LOOPBACK = "127.0.0.1"
_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST = 20_000


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on, below the kernel's ephemeral range.

    A port of that range can be taken by any outgoing connection while a broker restarts, even by the client
    that retries to reach it.
    """
    candidates = range(_LOWEST, _ephemeral_start())
    found: list[int] = []
    while len(found) < count:
        port = secrets.choice(candidates)
        if port not in found and is_free(port):
            found.append(port)
    return found


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def choose_port(variable: str, default: int, env: Mapping[str, str]) -> tuple[int, str | None]:
    """The port to listen on, and the sentence to print when it is not the usual one."""
    if variable in env:
        return _demanded(variable, env[variable]), None
    if is_free(default):
        return default, None
    port = free_ports(1)[0]
    return port, f"Port {default} is taken, so {port} is used; set {variable} to choose another."


def reserved(*ports: int) -> ExitStack:
    """Listens on `ports` until it is closed, so that another stack that starts meanwhile sees them taken."""
    with ExitStack() as listeners:
        for port in ports:
            listeners.enter_context(socket.create_server((LOOPBACK, port)))
        return listeners.pop_all()


def _demanded(variable: str, value: str) -> int:
    if not value.isdecimal() or not 0 < int(value) < 65536:
        raise LocalError(f"{variable} must be a port between 1 and 65535, not {value!r}.")
    if not is_free(int(value)):
        raise LocalError(
            f"Port {value} is taken: set {variable} to a free one, or unset it to have one chosen."
        )
    return int(value)


def _ephemeral_start() -> int:
    try:
        start = int(_RANGE.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 32_768
    return start if start > _LOWEST + 1_000 else 32_768
