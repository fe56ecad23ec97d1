"""RabbitMQ in a container, where nothing better is at hand: one set of loopback ports and data for life."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from deploy.local.errors import LocalError
from deploy.local.ports import LOOPBACK, free_ports
from deploy.local.processes import end, spawn

IMAGE = "rabbitmq:4.3.6-management"
_ENGINES = ("docker", "podman")


class Container:
    def __init__(self, command: str, home: Path, log: Path, user: str, password: str) -> None:
        self.command = command
        self.home = home
        self.log = log
        self.port, self.management_port = free_ports(2)
        self._account = {"RABBITMQ_DEFAULT_USER": user, "RABBITMQ_DEFAULT_PASS": password}
        # The data knows its password, so a new password means new data.
        self._name = "switchyard-" + hashlib.sha256(f"{home}{password}".encode()).hexdigest()[:12]
        self._client: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._engine("rm", "--force", self._name)
        with self.log.open("ab") as output:
            self._client = spawn(
                [self.command, *self._run()],
                home=self.home,
                env={**os.environ, **self._account},
                output=output,
            )

    def running(self) -> bool:
        return self._client is not None and self._client.poll() is None

    def kill(self) -> None:
        self._engine("kill", self._name)
        if self._client is not None:
            self._client.wait(30)

    def stop(self) -> None:
        self._engine("stop", self._name)
        if self._client is not None:
            end(self._client, grace_seconds=10)
            self._client = None

    def ctl(self, *arguments: str) -> str:
        result = self._engine("exec", self._name, "rabbitmqctl", "--quiet", *arguments)
        if result.returncode:
            raise LocalError(f"`rabbitmqctl {' '.join(arguments)}` failed: {result.stderr.strip()}")
        return result.stdout

    def _run(self) -> list[str]:
        publish = {self.port: 5672, self.management_port: 15672}
        return [
            "run",
            "--rm",
            f"--name={self._name}",
            "--hostname=switchyard",
            f"--volume={self._name}:/var/lib/rabbitmq",
            *(f"--publish={LOOPBACK}:{outside}:{inside}" for outside, inside in publish.items()),
            *(f"--env={variable}" for variable in self._account),
            IMAGE,
        ]

    def _engine(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.command, *arguments], capture_output=True, text=True, check=False, timeout=120
        )


def engine() -> str | None:
    """The first container engine that is there and answers."""
    return next((command for command in _ENGINES if shutil.which(command) and _answers(command)), None)


def _answers(command: str) -> bool:
    try:
        subprocess.run([command, "info"], capture_output=True, check=True, timeout=20)
    except (subprocess.SubprocessError, OSError):
        return False
    return True
