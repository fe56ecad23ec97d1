"""The roles of the soak, each started again when it is gone, as an orchestrator would."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.processes import spawn

ROOT = Path(__file__).resolve().parents[3]


@dataclass
class Role:
    """One role. Each life has a number, so that no worker waits for the name of a dead one."""

    name: str
    command: Callable[[int], Sequence[str]]
    env: dict[str, str]
    lives: int = 0
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def pid(self) -> int:
        return self.process.pid if self.process else 0

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill_all(self) -> None:
        """The main process and its children at once, as a machine that loses power would."""
        if self.process:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(30)


@dataclass
class Roles:
    """They run a copy of the code as it was at the start: an hour is long, and somebody may edit it."""

    home: Path
    env: dict[str, str]
    roles: dict[str, Role] = field(default_factory=dict)
    retired: list[Role] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    @property
    def code(self) -> Path:
        return self.home / "code"

    def add(self, name: str, *words: str, env: dict[str, str] | None = None) -> None:
        """``{life}`` in a word is the number of the life."""

        def command(life: int) -> list[str]:
            return [sys.executable, "-m", "app", *(word.format(life=life) for word in words)]

        own = {"HEARTBEAT_FILE": str(self.home / f"{name}.heartbeat"), "PYTHONPATH": str(self.code)}
        self.roles[name] = Role(name, command, self.env | own | (env or {}))

    def start(self) -> None:
        for folder in ("switchyard", "app", "deploy", "tests"):
            shutil.copytree(ROOT / folder, self.code / folder, ignore=shutil.ignore_patterns("__pycache__"))
        self._start_missing()
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self._thread.start()

    def named(self, prefix: str) -> list[Role]:
        return [role for role in list(self.roles.values()) if role.name.startswith(prefix) and role.alive()]

    def retire(self, prefix: str) -> None:
        """End these roles, and start them no more."""
        for name in [name for name in self.roles if name.startswith(prefix)]:
            self.retired.append(self.roles.pop(name))
            self.retired[-1].kill_all()

    def restarts(self) -> dict[str, int]:
        return {role.name: role.lives - 1 for role in [*self.roles.values(), *self.retired]}

    def end(self) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join(10)
        for role in self.roles.values():
            role.kill_all()

    def _keep(self) -> None:
        while not self._stop.wait(0.5):
            self._start_missing()

    def _start_missing(self) -> None:
        for role in list(self.roles.values()):
            if not role.alive():
                role.lives += 1
                with (self.home / f"{role.name}.log").open("ab") as output:
                    role.process = spawn(
                        list(role.command(role.lives)),
                        home=self.home,
                        env=role.env,
                        output=output,
                        cwd=self.code,
                        death_signal="KILL",
                    )
