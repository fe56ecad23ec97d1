"""Whether a broker answers: AMQP's handshake, and the management API with its version."""

import socket
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from deploy.local.errors import LocalError

_HANDSHAKE = b"AMQP\x00\x00\x09\x01"
_METHOD_FRAME = b"\x01"
_QUOTED_LINES = 12


def ready_version(
    url: str, management_url: str, running: Callable[[], bool], log: Path, seconds: float
) -> str:
    """Waits until both answer, and returns the version; quotes the log if it ends or takes too long."""
    deadline = time.monotonic() + seconds
    while running():
        version = management_version(management_url)
        if version and answers_amqp(url):
            return version
        if time.monotonic() > deadline:
            raise LocalError(
                f"RabbitMQ was not ready within {seconds:.0f} s; {log} ends with:\n{_last_lines(log)}"
            )
        time.sleep(0.1)
    raise LocalError(f"RabbitMQ ended while it started; {log} ends with:\n{_last_lines(log)}")


def given_version(url: str, management_url: str) -> str:
    """The version of a broker that is somebody else's; empty without a management API to ask."""
    address = urlsplit(url)
    if not answers_amqp(url):
        raise LocalError(
            f"No broker answers at {address.hostname}:{address.port or 5672} (BROKER_URL): "
            "start it, or unset BROKER_URL for a private one."
        )
    return management_version(management_url) if management_url else ""


def management_version(management_url: str) -> str:
    """The version, or nothing while the API does not answer 200."""
    try:
        response = httpx.get(f"{management_url}/api/overview", timeout=5, trust_env=False)
    except httpx.TransportError:
        return ""
    return str(response.json()["rabbitmq_version"]) if response.status_code == 200 else ""


def answers_amqp(url: str) -> bool:
    address = urlsplit(url)
    try:
        with socket.create_connection(
            (address.hostname or "", address.port or 5672), timeout=5
        ) as connection:
            connection.sendall(_HANDSHAKE)
            return connection.recv(1) == _METHOD_FRAME
    except OSError:
        return False


def _last_lines(log: Path) -> str:
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    return "\n".join(f"  {line}" for line in lines[-_QUOTED_LINES:]) or "  (nothing)"
