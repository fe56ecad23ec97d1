"""The service's processes on one machine: their commands, their environment, and when each is ready."""

import sys
from dataclasses import dataclass
from pathlib import Path

import httpx

from app.queues import QUEUES


@dataclass(frozen=True)
class Role:
    """One process. It is ready when `url` answers 200 or, without a url, when its heartbeat file is there."""

    name: str
    arguments: tuple[str, ...]
    url: str = ""
    reloads: bool = False

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-m", "app", *self.arguments]

    def environment(self, home: Path) -> dict[str, str]:
        return {"HEARTBEAT_FILE": str(self.heartbeat(home))}

    def heartbeat(self, home: Path) -> Path:
        return home / "run" / f"{self.name}.heartbeat"

    def ready(self, home: Path) -> bool:
        if not self.url:
            return self.heartbeat(home).exists()
        try:
            return httpx.get(self.url, timeout=5, trust_env=False).status_code == 200
        except httpx.TransportError:
            return False


RELEASE = Role("release", ("release",))


def long_running(port: int, exporter_port: int) -> list[Role]:
    """Every role that stays: one worker for each declared queue, and one of each other kind."""
    return [
        Role("web", ("web",), f"http://127.0.0.1:{port}/readyz", reloads=True),
        *(Role(f"worker-{queue}", ("worker", queue), reloads=True) for queue in QUEUES),
        Role("relay", ("relay",), reloads=True),
        Role("beat", ("beat",)),
        Role("jobs", ("jobs",)),
        Role("exporter", ("exporter",), f"http://127.0.0.1:{exporter_port}/metrics"),
    ]
