"""The service under a load, role by role, with a port of its own for the metrics of each."""

import os
import signal
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx

from app.queues import QUEUES
from deploy.local.ports import LOOPBACK, free_ports
from deploy.local.postgres import Postgres
from deploy.local.rabbitmq import Broker
from tests.alerts.kubernetes import Kubernetes
from tests.alerts.probe import Probe
from tests.faults.proxy import Proxy
from tests.live.processes import Process, Processes, answer, eventually

#: Few slots, so that a load that a laptop can send makes a queue grow.
SLOTS = {"threads": 8, "prefork": 1}
ROLES = {
    "web": ("web",),
    **{
        f"worker-{name}": ("worker", name, f"--concurrency={SLOTS[spec.pool]}")
        for name, spec in QUEUES.items()
    },
    "relay": ("relay",),
    "beat": ("beat",),
    "exporter": ("exporter",),
}
#: What a person starts beside them, once.
MORE = "worker-io-more"
#: The setting that is the port of each role's metrics.
PORTS = {
    "web": "WEB_METRICS_PORT",
    **{f"worker-{name}": "WORKER_METRICS_PORT" for name in QUEUES},
    "relay": "RELAY_PORT",
    "exporter": "EXPORTER_PORT",
}


@dataclass
class Service:
    """The relay reaches the broker through ``proxy``."""

    broker: Broker
    postgres: Postgres
    proxy: Proxy
    kubernetes: Kubernetes
    home: Path
    running: dict[str, Process] = field(default_factory=dict)
    #: Roles that ended by themselves and were started again.
    restarted: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        numbers = free_ports(len(PORTS) + 2)
        self.ports = dict(zip([*PORTS, "http", "spare"], numbers, strict=True))
        self.url = f"http://{LOOPBACK}:{self.ports['http']}"
        folder = self.home / "roles"
        folder.mkdir(parents=True)
        self.processes = Processes(self._environment(), folder)
        self.probe = Probe(self.url)

    def start(self) -> None:
        for command in (["migrate", "--run-syncdb"], ["topology", "apply"], ["schedule", "sync"]):
            result = self.processes.run(*command)
            assert result.returncode == 0, result.stderr
        for name in ROLES:
            self.start_role(name)
        eventually(self.answers, within=120, what="web to answer")
        threading.Thread(target=self._keep, daemon=True).start()

    def start_role(self, name: str) -> None:
        process = self.processes.start(*ROLES[name], env=self._of(name))
        self.running[name] = process
        if name not in {"web", "exporter"}:
            self.processes.until_beating(process)

    def end_role(self, name: str, number: int = signal.SIGTERM) -> None:
        """And what was started to help it."""
        for helper in [key for key in self.running if key.startswith(name)]:
            process = self.running.pop(helper)
            process.signal(number)
            process.wait(120)

    def end(self) -> None:
        self.ended.set()
        self.processes.end()

    def start_more_workers(self) -> None:
        port = {"WORKER_METRICS_PORT": str(self.ports["spare"])}
        more = self.processes.worker("io", "--concurrency=40", "--name=more", env=port)
        self.running[MORE] = more

    def command(self, *arguments: str) -> str:
        result = self.processes.run(*arguments)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def answers(self) -> bool:
        found = answer(f"{self.url}/readyz")
        return found is not None and found.status_code == 200

    def _keep(self) -> None:
        """Start again what ends by itself, as an orchestrator does."""
        while not self.ended.wait(1):
            for name, process in list(self.running.items()):
                if name in ROLES and process.popen.poll() is not None and self.running.get(name) is process:
                    self.restarted.append(name)
                    self.running[name] = self.processes.start(*ROLES[name], env=self._of(name))

    def _of(self, name: str) -> Mapping[str, str]:
        own = {PORTS[name]: str(self.ports[name])} if name in PORTS else {}
        if name == "relay":
            parts = urlsplit(self.broker.url)
            netloc = f"{parts.username}:{parts.password}@{LOOPBACK}:{self.proxy.port}"
            own["BROKER_URL"] = urlunsplit(parts._replace(netloc=netloc))
        return own

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "DJANGO_SETTINGS_MODULE": "tests.faults.settings",
            "SECRET_KEY": "only-for-tests",
            "ALLOWED_HOSTS": "localhost,127.0.0.1",
            "BIND_ADDRESS": LOOPBACK,
            "PORT": str(self.ports["http"]),
            "LOG_FORMAT": "json",
            "WAIT_SECONDS": "60",
            "DATABASE_URL": self.postgres.url,
            "BROKER_URL": self.broker.url,
            "BROKER_MANAGEMENT_URL": self.broker.management_url,
            "STATIC_ROOT": str(self.home / "static"),
        }


@dataclass
class Load:
    """Requests that promise tasks: so many a second, each with these arguments."""

    url: str
    task: str
    per_second: float
    arguments: Mapping[str, float]
    sent: int = 0
    refused: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def start(self) -> "Load":
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(30)

    def _run(self) -> None:
        due = time.monotonic()
        with httpx.Client(timeout=10, trust_env=False) as client:
            while not self._stop.wait(max(0.0, due - time.monotonic())):
                due = max(due + 1 / self.per_second, time.monotonic() - 1)
                self._ask(client)

    def _ask(self, client: httpx.Client) -> None:
        body = {"key": f"{id(self)}-{self.sent}", "task": self.task, "kwargs": dict(self.arguments)}
        self.sent += 1
        try:
            client.post(f"{self.url}/promise", json=body).raise_for_status()
        except httpx.HTTPError:
            self.refused += 1
