"""The whole service on one machine: its services, then the release step, then every role, ready for work."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import LocalError
from deploy.local.home import check_space, make_folder
from deploy.local.kept import keep_environment
from deploy.local.output import Output
from deploy.local.ports import LOOPBACK, choose_port, reserved
from deploy.local.roles import RELEASE, Role, long_running
from deploy.local.services import Services, start_services
from deploy.local.supervisor import Supervisor

ROOT = Path(__file__).parents[2]
LOCAL = ROOT / ".local"
PORTS = {"PORT": 8000, "EXPORTER_PORT": 9808, "RELAY_PORT": 9809, "WEB_METRICS_PORT": 9811}


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
    ports = _ports(say)
    say("Starting PostgreSQL, RabbitMQ and mail ...")
    with reserved(*ports.values()) as reservation, start_services(home) as services:
        environment = {
            **services.environment(),
            "BIND_ADDRESS": LOOPBACK,
            **{variable: str(port) for variable, port in ports.items()},
            # Each worker takes a free one, and says which.
            "WORKER_METRICS_PORT": "0",
            "PUBLIC_URL": f"http://localhost:{ports['PORT']}",
            **settings,
        }
        keep_environment(home, environment)
        supervisor = Supervisor(home, environment, output)
        try:
            say(f"{services.broker.name} is ready; preparing the database and the broker ...")
            supervisor.run(RELEASE)
            reservation.close()
            yield _start_roles(services, supervisor, ports, say)
        finally:
            supervisor.stop()


def _start_roles(
    services: Services, supervisor: Supervisor, ports: dict[str, int], say: Callable[[str], None]
) -> Stack:
    port, exporter_port = ports["PORT"], ports["EXPORTER_PORT"]
    roles = long_running(port, exporter_port)
    say(f"Starting {', '.join(role.name for role in roles)} ...")
    supervisor.start(roles)
    supervisor.wait_until_ready(roles)
    return Stack(
        services, roles, supervisor, f"http://localhost:{port}", f"http://localhost:{exporter_port}/metrics"
    )


def _ports(say: Callable[[str], None]) -> dict[str, int]:
    chosen: dict[str, int] = {}
    for variable, default in PORTS.items():
        port, remark = choose_port(variable, default, os.environ)
        if remark:
            say(remark)
        for other, taken in chosen.items():
            if port == taken:
                raise LocalError(f"{other} and {variable} are both {port}: set them to different ports.")
        chosen[variable] = port
    return chosen
