"""Which RabbitMQ a private broker runs: an installed one, the distribution's packages, or a container.

Or, where a suite is named, that of another release of the distribution.
"""

import os
from pathlib import Path
from typing import Protocol

from deploy.local import erlang
from deploy.local.container import Container, engine
from deploy.local.errors import LocalError
from deploy.local.home import kept_secret
from deploy.local.node import Node
from deploy.local.packages import Packages

USER = "switchyard"
LOCAL = Path(__file__).parents[2] / ".local"


class Server(Protocol):
    """What runs the broker, always on the same ports and data."""

    port: int
    management_port: int

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def kill(self) -> None: ...
    def running(self) -> bool: ...
    def ctl(self, *arguments: str) -> str: ...


def choose_server(home: Path, log: Path, suite: str = "") -> Server:
    password = kept_secret(home / "password")
    reasons: list[str] = []
    installation = _from_suite(suite) if suite else erlang.installed() or _from_packages(reasons)
    if installation is not None:
        return Node(installation, home, log, USER, password)
    command = engine()
    if command is not None:
        return Container(command, home, log, USER, password)
    raise LocalError(
        f"No RabbitMQ can be had here ({'; '.join(reasons)}; no container engine answers): "
        "set BROKER_URL and BROKER_MANAGEMENT_URL, install rabbitmq-server, or start docker or podman."
    )


def installation() -> erlang.Installation:
    """What a private node here runs: RABBITMQ_SUITE's, an installed one, or the distribution's packages."""
    suite = os.environ.get("RABBITMQ_SUITE", "")
    reasons: list[str] = []
    found = _from_suite(suite) if suite else erlang.installed() or _from_packages(reasons)
    if found is None:
        raise LocalError(f"No RabbitMQ that can form a cluster can be had here ({'; '.join(reasons)}).")
    return found


def _from_suite(suite: str) -> erlang.Installation:
    if not Packages.available():
        raise LocalError(
            f"RABBITMQ_SUITE={suite} needs apt, which this system lacks: unset it, or set BROKER_URL."
        )
    return erlang.unpacked_from_suite(LOCAL / f"rabbitmq-{suite}", Packages(LOCAL / f"apt-{suite}", suite))


def _from_packages(reasons: list[str]) -> erlang.Installation | None:
    if not Packages.available():
        reasons.append("this system has no apt")
        return None
    try:
        return erlang.unpacked(LOCAL / "rabbitmq-dist", Packages(LOCAL / "apt"))
    except LocalError as error:
        reasons.append(str(error).rstrip("."))
        return None
