"""A container's probes, with Kubernetes' own defaults for what a manifest leaves out."""

import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx


@dataclass
class Container:
    """What a probe, or a hook, is run against."""

    address: str
    ports: Mapping[str, int]
    env: Mapping[str, str]


@dataclass
class Probe:
    """``state`` is None until enough looks in a row agree."""

    spec: dict[str, Any]
    state: bool | None = None
    next_at: float = 0
    _row: list[bool] = field(default_factory=list)

    @property
    def period_seconds(self) -> float:
        return float(self.spec.get("periodSeconds", 10))

    def look(self, container: Container) -> bool | None:
        """Ask once, and return the state that follows from it."""
        self.next_at = time.monotonic() + self.period_seconds
        passed = self._passes(container)
        self._row = [*self._row, passed] if self._row and self._row[-1] == passed else [passed]
        needed = self.spec.get("successThreshold", 1) if passed else self.spec.get("failureThreshold", 3)
        if len(self._row) >= needed:
            self.state = passed
        return self.state

    def _passes(self, container: Container) -> bool:
        timeout = float(self.spec.get("timeoutSeconds", 1))
        if "exec" in self.spec:
            return run(self.spec["exec"]["command"], container, timeout)
        return answers(self.spec["httpGet"], container, timeout)


def run(command: list[str], container: Container, timeout_seconds: float) -> bool:
    """Run a command as in the container, with its environment."""
    try:
        result = subprocess.run(
            command, env=dict(container.env), capture_output=True, timeout=timeout_seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return result.returncode == 0


def answers(request: dict[str, Any], container: Container, timeout_seconds: float) -> bool:
    port = container.ports.get(request["port"], request["port"])
    try:
        url = f"http://{container.address}:{port}{request['path']}"
        answer = httpx.get(url, timeout=timeout_seconds, trust_env=False)
    except httpx.HTTPError:
        return False
    return 200 <= answer.status_code < 400
