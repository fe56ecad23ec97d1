"""A private RabbitMQ node: its folders, its loopback ports, its cookie, and an epmd of its own."""

import os
import signal
import socket
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

from deploy.local.erlang import Installation
from deploy.local.errors import LocalError
from deploy.local.home import kept_secret
from deploy.local.ports import LOOPBACK, free_ports
from deploy.local.processes import end, signal_group, spawn

NAME = "switchyard@localhost"
# Two schedulers that sleep when idle: the node shares two cores with everything that is being tried.
_VM = "+S 2:2 +SDio 8 +sbwt none +sbwtdcpu none +sbwtdio none"
_LOOPBACK_ONLY = "-kernel inet_dist_use_interface {127,0,0,1}"


class Node:
    """One node on the same ports and data for its whole life; `start` and `kill` as often as a test likes."""

    def __init__(self, installation: Installation, home: Path, log: Path, user: str, password: str) -> None:
        self.installation = installation
        self.home = home
        self.log = log
        self.port, self.management_port, self._distribution_port, self._epmd_port = free_ports(4)
        self._server: subprocess.Popen[bytes] | None = None
        self._epmd: subprocess.Popen[bytes] | None = None
        _write_configuration(home, self.port, self.management_port, user, password)

    def start(self) -> None:
        with ExitStack() as undo, self.log.open("ab") as output:
            if self._epmd is None or self._epmd.poll() is not None:
                epmd = [str(self.installation.epmd), "-port", str(self._epmd_port), "-address", LOOPBACK]
                self._epmd = spawn(
                    epmd, home=self.home, env=self.environment(), output=output, death_signal="KILL"
                )
                undo.callback(self.stop)
                _wait_for(self._epmd_port)
            server = [str(self.installation.scripts / "rabbitmq-server")]
            self._server = spawn(server, home=self.home, env=self.environment(), output=output, cwd=self.home)
            undo.pop_all()

    def running(self) -> bool:
        return self._server is not None and self._server.poll() is None

    def kill(self) -> None:
        """SIGKILL, as a machine that loses power would: nothing is flushed, nobody is told."""
        if self._server is not None:
            signal_group(self._server.pid, signal.SIGKILL)
            self._server.wait()
            self._forget()

    def stop(self) -> None:
        """Ends both. RabbitMQ closes its stores within a second, then waits for five more."""
        for process, grace in ((self._server, 3), (self._epmd, 0)):
            if process is not None:
                end(process, grace_seconds=grace)
        self._server = self._epmd = None

    def ctl(self, *arguments: str) -> str:
        command = [str(self.installation.scripts / "rabbitmqctl"), "--quiet", "--node", NAME, *arguments]
        result = subprocess.run(
            command, env=self.environment(), capture_output=True, text=True, check=False, timeout=120
        )
        if result.returncode:
            raise LocalError(f"`rabbitmqctl {' '.join(arguments)}` failed: {result.stderr.strip()}")
        return result.stdout

    def environment(self) -> dict[str, str]:
        home = self.home
        inherited = {
            key: value for key, value in os.environ.items() if not key.startswith(("RABBITMQ_", "ERL_"))
        }
        return {
            **inherited,
            **self.installation.extra,
            "PATH": self.installation.path,
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "ERL_CRASH_DUMP_SECONDS": "0",
            # With it the script becomes the Erlang VM instead of a shell that waits for one.
            "RUNNING_UNDER_SYSTEMD": "true",
            "RABBITMQ_NODENAME": NAME,
            "RABBITMQ_NODE_IP_ADDRESS": LOOPBACK,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_CONF_ENV_FILE": str(home / "rabbitmq-env.conf"),
            "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(home / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(home / "data"),
            "RABBITMQ_LOG_BASE": str(home / "log"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_PID_FILE": str(home / "pid"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(home / "generated"),
            "RABBITMQ_SCHEMA_DIR": str(home / "schema"),
            "RABBITMQ_FEATURE_FLAGS_FILE": str(home / "data" / "feature_flags"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"{_VM} {_LOOPBACK_ONLY} -start_epmd false",
            "RABBITMQ_CTL_ERL_ARGS": f"+S 1:1 {_LOOPBACK_ONLY} -start_epmd false",
            "RABBITMQ_CTL_DIST_PORT_MAX": "36672",
        }

    def _forget(self) -> None:
        """Waits until the ports and the node's name are free again for the next start."""
        deadline = time.monotonic() + 10
        while NAME.partition("@")[0] in self._names() and time.monotonic() < deadline:
            time.sleep(0.05)

    def _names(self) -> str:
        command = [str(self.installation.epmd), "-port", str(self._epmd_port), "-names"]
        return subprocess.run(
            command, env=self.environment(), capture_output=True, text=True, check=False
        ).stdout


def _write_configuration(home: Path, port: int, management_port: int, user: str, password: str) -> None:
    for folder in ("data", "log", "generated", "schema"):
        (home / folder).mkdir(exist_ok=True)
    cookie = home / ".erlang.cookie"
    kept_secret(cookie)
    cookie.chmod(0o400)
    (home / "rabbitmq-env.conf").write_text("")
    (home / "enabled_plugins").write_text("[rabbitmq_management].\n")
    settings = {
        "listeners.tcp.local": f"{LOOPBACK}:{port}",
        "management.tcp.ip": LOOPBACK,
        "management.tcp.port": management_port,
        # Naming another default user is what keeps guest from being made.
        "default_user": user,
        "default_pass": password,
        "disk_free_limit.absolute": "50MB",
        "log.console": "true",
        "log.console.level": "info",
    }
    file = home / "rabbitmq.conf"
    file.touch(mode=0o600)
    file.write_text("".join(f"{key} = {value}\n" for key, value in settings.items()))


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection((LOOPBACK, port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise LocalError(f"epmd does not answer on port {port}: see the broker's log.") from None
            time.sleep(0.02)
        else:
            return
