"""A node: namespaces of its own with containerd, a kubelet, kube-proxy and what enforces network policies."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.errors import LocalError
from deploy.local.processes import end, spawn
from tests.node.looking import eventually
from tests.node.network import Address, connect

BOOT = Path(__file__).with_name("boot.sh")
#: What each is started by, in the node. The order is that of starting.
PROGRAMS = {
    "containerd": ["/usr/bin/containerd", "--config=/config/containerd.toml"],
    "kubelet": [
        "/programs/kubelet",
        "--config=/config/kubelet.json",
        "--kubeconfig=/config/kubelet.kubeconfig",
    ],
    "kube-proxy": ["/programs/kube-proxy", "--config=/config/kube-proxy.json"],
    "kube-router": [
        "/others/kube-router",
        "--kubeconfig=/config/kube-router.kubeconfig",
        "--run-firewall=true",
        "--run-router=false",
        "--run-service-proxy=false",
        "--run-loadbalancer=false",
    ],
}


@dataclass
class Node:
    """``folder`` outlives the node: one that boots again finds its volumes and images there."""

    address: Address
    folder: Path
    #: Folders of the machine that the node sees: its file system, and its programs and images.
    lower: Path
    programs: Path
    others: Path
    images: Path
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.address.name

    @property
    def config(self) -> Path:
        return self.folder / "config"

    @property
    def pid(self) -> int:
        """Of its first process, as this namespace sees it."""
        outer = self.processes["boot"].pid
        (child,) = Path(f"/proc/{outer}/task/{outer}/children").read_text().split()
        return int(child)

    def boot(self, others: list[Address]) -> None:
        """Its namespaces, its file system and its wire."""
        self.config.mkdir(parents=True, exist_ok=True)
        (self.config / "booted").unlink(missing_ok=True)
        for left in ("upper", "work"):
            shutil.rmtree(self.folder / left, ignore_errors=True)
        given = [self.folder, self.lower, self.programs, self.others, self.images]
        flags = ["--mount", "--pid", "--net", "--uts", "--ipc", "--fork", "--kill-child=KILL"]
        self._spawn("boot", ["unshare", *flags, "sh", str(BOOT), *map(str, given)])
        self.until("boot", (self.config / "booted").exists)
        connect(self.address, self.pid, others)
        self.say("hostname", self.name)

    def run(self, name: str) -> None:
        override = [] if name in {"containerd", "kube-proxy"} else [f"--hostname-override={self.name}"]
        node_ip = [f"--node-ip={self.address.ip}"] if name == "kubelet" else []
        self._spawn(name, [*self.inside(), *PROGRAMS[name], *override, *node_ip])

    def say(self, *command: str) -> str:
        """What a command in the node prints. Raises LocalError."""
        done = subprocess.run([*self.inside(), *command], capture_output=True, text=True, check=False)
        if done.returncode:
            raise LocalError(f"{self.name}: `{' '.join(command)}` failed: {done.stderr.strip()[-500:]}")
        return done.stdout

    def asks(self, *command: str) -> bool:
        """Whether a command in the node succeeds."""
        return not subprocess.run([*self.inside(), *command], capture_output=True, check=False).returncode

    def inside(self) -> list[str]:
        spaces = ("--mount", "--pid", "--net", "--uts", "--ipc", "--root", "--wd")
        return ["nsenter", f"--target={self.pid}", *spaces, "--"]

    def lose(self) -> None:
        """As if its power were cut: the kernel kills every process of it at once, and its wire is gone."""
        os.kill(self.pid, signal.SIGKILL)
        for process in self.processes.values():
            end(process, grace_seconds=0)
        self.processes.clear()

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def _spawn(self, name: str, command: list[str]) -> None:
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}
        with self.log(name).open("ab") as output:
            self.processes[name] = spawn(
                command, home=self.folder, env=environment, output=output, death_signal="KILL"
            )

    def until(self, name: str, look: Callable[[], object]) -> None:
        """Raises LocalError with the end of the program's log if it ends before."""
        eventually(lambda: look() or self._over(name), what=f"{name} of {self.name}: {self.log(name)}")

    def _over(self, name: str) -> bool:
        if self.processes[name].poll() is not None:
            last = self.log(name).read_text(errors="replace")[-1000:]
            raise LocalError(f"{name} of {self.name} ended; its log ends with:\n{last}")
        return False
