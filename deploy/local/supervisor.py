"""Runs roles as child processes, and ends every one of them, whatever it started and whoever ends us."""

import os
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from deploy.local.errors import LocalError
from deploy.local.output import Output
from deploy.local.processes import end_marked, signal_group, spawn
from deploy.local.roles import Role

START_SECONDS = 90
DRAIN_SECONDS = 10


class Supervisor:
    def __init__(self, home: Path, environment: Mapping[str, str], output: Output) -> None:
        self.home = home
        self.output = output
        self._environment = {**os.environ, **environment}
        self._processes: dict[Role, subprocess.Popen[bytes]] = {}

    def run(self, role: Role) -> None:
        """Runs `role` to its end; an end other than 0 is an error."""
        process = self._spawn(role)
        if process.wait():
            raise LocalError(self._ending(role, process))

    def start(self, roles: Iterable[Role]) -> None:
        for role in roles:
            role.heartbeat(self.home).unlink(missing_ok=True)
            self._processes[role] = self._spawn(role)

    def wait_until_ready(self, roles: Iterable[Role]) -> None:
        deadline = time.monotonic() + START_SECONDS
        waiting = list(roles)
        while waiting := [role for role in waiting if not role.ready(self.home)]:
            self.check()
            if time.monotonic() > deadline:
                names = ", ".join(role.name for role in waiting)
                last = self.output.last_lines(waiting[0].name)
                raise LocalError(f"Not ready after {START_SECONDS} s: {names}{last}")
            time.sleep(0.1)

    def check(self) -> None:
        """Raises with the reason if a role has ended by itself."""
        for role in self.ended():
            raise LocalError(self._ending(role, self._processes[role]))

    def ended(self) -> list[Role]:
        return [role for role, process in self._processes.items() if process.poll() is not None]

    def restart(self, roles: Iterable[Role]) -> None:
        """Asks all of `roles` to end at once, and starts each as soon as it has."""
        for role in self._end(list(roles)):
            self.start([role])

    def stop(self) -> None:
        """Ends all roles at once, then whatever of theirs is still there."""
        for _ in self._end(list(self._processes)):
            pass
        end_marked(self.home, grace_seconds=1)

    def _spawn(self, role: Role) -> "subprocess.Popen[bytes]":
        environment = {**self._environment, **role.environment(self.home)}
        target = self.output.target(role.name)
        process = spawn(role.command, home=self.home, env=environment, output=target)
        if not isinstance(target, int):
            target.close()
        self.output.follow(role.name, process)
        return process

    def _end(self, roles: list[Role]) -> Iterator[Role]:
        """Yields each role when nothing of it is left."""
        ending = {role: self._processes.pop(role) for role in roles}
        for process in ending.values():
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + DRAIN_SECONDS
        while ending:
            for role, process in list(ending.items()):
                if process.poll() is not None or time.monotonic() > deadline:
                    signal_group(process.pid, signal.SIGKILL)
                    process.wait()
                    del ending[role]
                    yield role
            time.sleep(0.05)

    def _ending(self, role: Role, process: "subprocess.Popen[bytes]") -> str:
        how = (
            f"with exit code {process.returncode}"
            if process.returncode >= 0
            else f"by signal {-process.returncode}"
        )
        return f"{role.name} ended {how}{self.output.last_lines(role.name) or ': see above.'}"
