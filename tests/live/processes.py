"""Roles of the service as real processes, each in a process group of its own that ends with its test."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.polling import DEADLINE_SECONDS, eventually

ROOT = Path(__file__).resolve().parents[2]


def answer(url: str, *, within: float = 5) -> httpx.Response | None:
    """What a role says to a request, or None while it cannot be reached. Seconds."""
    try:
        return httpx.get(url, timeout=within, trust_env=False)
    except httpx.TransportError:
        return None


@dataclass
class Process:
    """A running role. Its output goes to ``log``."""

    popen: "subprocess.Popen[bytes]"
    log: Path
    heartbeat: Path

    def signal(self, number: int) -> None:
        """Send a signal to the role's main process, as Kubernetes would."""
        self.popen.send_signal(number)

    def kill_all(self) -> None:
        """SIGKILL the main process and every child at once, as a machine that loses power would."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait(30)

    def wait(self, seconds: float = DEADLINE_SECONDS) -> int:
        """The exit code."""
        return self.popen.wait(seconds)

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def events(self, name: str) -> list[dict[str, Any]]:
        """The structured lines with this event name."""
        found = []
        for line in self.text().splitlines():
            if line.startswith("{") and f'"{name}"' in line:
                fields = json.loads(line)
                if fields.get("event") == name:
                    found.append(fields)
        return found


@dataclass
class Processes:
    """Starts roles with one environment and ends them all."""

    environment: dict[str, str]
    folder: Path
    started: list[Process] = field(default_factory=list)

    def run(self, *arguments: str, env: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
        """Run ``python -m app ARGUMENTS`` to its end."""
        return subprocess.run(
            [sys.executable, "-m", "app", *arguments],
            env=self.environment | (env or {}),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
            check=False,
        )

    def start(self, *arguments: str, env: dict[str, str] | None = None) -> Process:
        """Start ``python -m app ARGUMENTS``."""
        return self.start_command([sys.executable, "-m", "app", *arguments], env)

    def start_command(self, command: list[str], env: dict[str, str] | None = None) -> Process:
        """Start any command line with the environment of the roles."""
        number = len(self.started)
        log, heartbeat = self.folder / f"{number}.log", self.folder / f"{number}.heartbeat"
        with log.open("wb") as output:
            popen = subprocess.Popen(
                command,
                env=self.environment | {"HEARTBEAT_FILE": str(heartbeat)} | (env or {}),
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        process = Process(popen, log, heartbeat)
        self.started.append(process)
        return process

    def worker(self, queue: str, *arguments: str, env: dict[str, str] | None = None) -> Process:
        """Start a worker and return when it takes messages."""
        process = self.start("worker", queue, *arguments, env=env)
        self.until_beating(process)
        return process

    def relay(self, env: dict[str, str] | None = None) -> Process:
        """Start a relay and return when it has looked at the outbox."""
        process = self.start("relay", env=env)
        self.until_beating(process)
        return process

    def until_beating(self, process: Process) -> None:
        def beating() -> bool:
            assert process.popen.poll() is None, f"ended with {process.popen.returncode}:\n{process.text()}"
            return process.heartbeat.exists()

        eventually(beating, what="a heartbeat file")

    def end(self) -> None:
        for process in self.started:
            process.kill_all()
