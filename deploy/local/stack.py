"""The whole service on one machine: its services, then the release step, then every role, ready for work."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import LocalError
from deploy.local.home import check_space, make_folder
from deploy.local.output import Output
from deploy.local.ports import LOOPBACK, choose_port, reserved
from deploy.local.roles import RELEASE, Role, long_running
from deploy.local.services import Services, start_services
from deploy.local.supervisor import Supervisor

ROOT = Path(__file__).parents[2]
LOCAL = ROOT / ".local"


@dataclass(frozen=True)
class Stack:
    services: Services
    roles: list[Role]
    supervisor: Supervisor
    url: str
    metrics_url: str

    def places(self) -> list[tuple[str, str]]:
        """What a person can open, and what it is."""
        return [
            ("the service", self.url),
            ("Django's admin", f"{self.url}/admin/"),
            ("metrics", self.metrics_url),
            ("RabbitMQ", self.services.broker.management_url or "(no BROKER_MANAGEMENT_URL)"),
            ("its mail", str(self.services.mailbox.folder)),
        ]


@contextmanager
def start_stack(home: Path, output: Output, say: Callable[[str], None], **settings: str) -> Iterator[Stack]:
    """Every role ready, with `settings` added to its environment; nothing of it is left after the block.

    `home` is claimed by the caller.
    """
    check_space(home)
    make_folder(home / "run")
    port, exporter_port = _ports(say)
    say("Starting PostgreSQL, RabbitMQ and mail ...")
    with reserved(port, exporter_port) as reservation, start_services(home) as services:
        environment = {
            **services.environment(),
            "BIND_ADDRESS": LOOPBACK,
            "PORT": str(port),
            "EXPORTER_PORT": str(exporter_port),
            "PUBLIC_URL": f"http://localhost:{port}",
            **settings,
        }
        supervisor = Supervisor(home, environment, output)
        try:
            say(f"{services.broker.name} is ready; preparing the database and the broker ...")
            supervisor.run(RELEASE)
            reservation.close()
            yield _start_roles(services, supervisor, port, exporter_port, say)
        finally:
            supervisor.stop()


def _start_roles(
    services: Services, supervisor: Supervisor, port: int, exporter_port: int, say: Callable[[str], None]
) -> Stack:
    roles = long_running(port, exporter_port)
    say(f"Starting {', '.join(role.name for role in roles)} ...")
    supervisor.start(roles)
    supervisor.wait_until_ready(roles)
    return Stack(
        services, roles, supervisor, f"http://localhost:{port}", f"http://localhost:{exporter_port}/metrics"
    )


def _ports(say: Callable[[str], None]) -> tuple[int, int]:
    chosen = []
    for variable, default in (("PORT", 8000), ("EXPORTER_PORT", 9808)):
        port, remark = choose_port(variable, default, os.environ)
        if remark:
            say(remark)
        chosen.append(port)
    if chosen[0] == chosen[1]:
        raise LocalError(f"PORT and EXPORTER_PORT are both {chosen[0]}: set them to different ports.")
    return chosen[0], chosen[1]
