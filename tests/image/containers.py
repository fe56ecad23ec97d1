"""Workloads of the rendered manifests as containers: their arguments, environment, mounts and rights."""

import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from deploy.cluster.engine import Engine
from tests.manifests.rendered import Document, container, labels


@dataclass(frozen=True)
class Container:
    """A running role."""

    name: str
    workload: Document
    popen: "subprocess.Popen[bytes]"
    log: Path
    command: list[str]

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def passes(self, probe: str, **environment: str) -> bool:
        """Whether the workload's probe (``livenessProbe``, ...) would pass now, run in the container."""
        assert self.popen.poll() is None, f"{self.name} ended with {self.popen.returncode}:\n{self.text()}"
        command = probe_command(container(self.workload), probe)
        return self.run(*command, **environment).returncode == 0

    def run(self, *command: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Any command, in the container, as its user."""
        variables = [f"--env={name}={value}" for name, value in environment.items()]
        return subprocess.run(
            [*self.command, "exec", *variables, self.name, *command],
            capture_output=True,
            text=True,
            check=False,
        )

    def stop(self) -> int:
        """SIGTERM to the container's first process, then its exit code."""
        subprocess.run([*self.command, "kill", "--signal=TERM", self.name], check=True, capture_output=True)
        return self.popen.wait(60)


@dataclass
class Containers:
    engine: Engine
    image: str
    secrets: Path
    management_url: str
    started: list[Container] = field(default_factory=list)

    def start(self, workload: Document, settings: dict[str, str]) -> Container:
        """The workload's container under its own restrictions, on this machine's network."""
        name = f"switchyard-test-{uuid4().hex[:8]}"
        log = self.secrets / f"{name}.log"
        # The manifests' brokers have it on a port of its own beside AMQP; here both are free ports.
        environment = settings | literals(workload) | {"BROKER_MANAGEMENT_URL": self.management_url}
        command = [
            *self._command(),
            "run",
            "--rm",
            f"--name={name}",
            *restrictions(workload),
            *(
                f"--volume={self.secrets / folder}:/run/secrets/{folder}:ro"
                for folder in self._mounted(workload)
            ),
            *(f"--env={key}={value}" for key, value in environment.items()),
            self.image,
            *(
                argument.replace("$(QUEUE)", labels(workload).get("queue", ""))
                for argument in arguments(workload)
            ),
        ]
        with log.open("wb") as output:
            popen = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        self.started.append(Container(name, workload, popen, log, self._command()))
        return self.started[-1]

    def end(self) -> None:
        for running in self.started:
            if running.popen.poll() is None:
                subprocess.run([*self._command(), "kill", running.name], check=False, capture_output=True)
                running.popen.wait(30)

    def _command(self) -> list[str]:
        # crun, where podman takes it by itself, refuses the cgroups of many a CI machine; runc does not.
        runtime = ["--runtime=runc"] if self.engine.command == "podman" and shutil.which("runc") else []
        return [self.engine.command, *runtime]

    def _mounted(self, workload: Document) -> list[str]:
        paths = [mount["mountPath"] for mount in container(workload)["volumeMounts"]]
        return [path.removeprefix("/run/secrets/") for path in paths if path.startswith("/run/secrets/")]


def arguments(workload: Document) -> list[str]:
    return list(container(workload)["args"])


def literals(workload: Document) -> dict[str, str]:
    return {item["name"]: item["value"] for item in container(workload)["env"] if "value" in item}


def restrictions(workload: Document) -> list[str]:
    """The engine's flags for the pod's security context, as it is rendered."""
    spec = workload["spec"]["template"]["spec"]
    rights: dict[str, Any] = container(workload)["securityContext"]
    assert rights["readOnlyRootFilesystem"]
    assert not rights["allowPrivilegeEscalation"]
    assert rights["capabilities"] == {"drop": ["ALL"]}
    user = spec["securityContext"]
    return [
        "--network=host",
        "--read-only",
        "--tmpfs=/tmp:rw,mode=1777",
        f"--user={user['runAsUser']}:{user['runAsGroup']}",
        "--cap-drop=all",
        "--security-opt=no-new-privileges",
        # What a machine allows at most is often less than an engine asks for.
        "--ulimit=nofile=1024:4096",
        "--ulimit=nproc=4096:4096",
    ]


def probe_command(spec: Document, probe: str) -> list[str]:
    """The probe as a command to run beside the role: an exec probe's own, or its request."""
    if "exec" in spec[probe]:
        return list(spec[probe]["exec"]["command"])
    path, port = spec[probe]["httpGet"]["path"], spec[probe]["httpGet"]["port"]
    numbers = {item["name"]: item["containerPort"] for item in spec["ports"]}
    request = f"import urllib.request as r; r.urlopen('http://127.0.0.1:{numbers[port]}{path}', timeout=5)"
    return ["python", "-S", "-c", request]
