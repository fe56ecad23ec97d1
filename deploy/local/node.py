"""A private RabbitMQ node: its folders, its loopback ports, its cookie, and an epmd of its own.

Several nodes become one cluster when each is given the same `Peers`.
"""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from deploy.local.alias import plain
from deploy.local.erlang import Installation
from deploy.local.errors import LocalError
from deploy.local.home import kept_secret
from deploy.local.ports import LOOPBACK, free_ports
from deploy.local.processes import end, signal_group, spawn

NAME = "switchyard@localhost"
# Two schedulers that sleep when idle: the node shares two cores with everything that is being tried.
_VM = "+S 2:2 +SDio 8 +sbwt none +sbwtdcpu none +sbwtdio none"
#: What rabbitmq.conf has no word for, in Erlang's terms. Milliseconds; 3.10 and 4.3 both know it.
#:
#: A countdown, or a dead letter, that the next queue would not have (it has no leader, or is full) is tried
#: again after so long, and not after the broker's own 3 minutes, which a killed broker makes of a retry.
ADVANCED = "[{rabbit, [{dead_letter_worker_publisher_confirm_timeout, 10000}]}].\n"
_LOOPBACK_ONLY = "-kernel inet_dist_use_interface {127,0,0,1}"


@dataclass(frozen=True)
class Peers:
    """What the nodes of one cluster share: their names, the port of their epmd, and their cookie's text.

    The first that is started runs the epmd, so it is the last to be stopped.
    """

    names: Sequence[str]
    epmd_port: int
    cookie: str


class Node:
    """One node on the same ports and data for its whole life; `start` and `kill` as often as a test likes."""

    def __init__(
        self,
        installation: Installation,
        home: Path,
        log: Path,
        user: str,
        password: str,
        *,
        name: str = NAME,
        peers: Peers | None = None,
    ) -> None:
        self.installation = installation
        self.home = home
        self._folder = plain(home)
        self.log = log
        self.name = name
        self.port, self.management_port, self._distribution_port, self._epmd_port = free_ports(4)
        if peers:
            self._epmd_port = peers.epmd_port
        self._server: subprocess.Popen[bytes] | None = None
        self._epmd: subprocess.Popen[bytes] | None = None
        _write_secrets(home, peers)
        (home / "advanced.config").write_text(ADVANCED)
        _write_configuration(home, self.port, self.management_port, user, password)
        if peers:
            _write_clustering(home, peers)

    def start(self) -> None:
        with ExitStack() as undo, self.log.open("ab") as output:
            if not _answers(self._epmd_port):
                epmd = [str(self.installation.epmd), "-port", str(self._epmd_port), "-address", LOOPBACK]
                self._epmd = spawn(
                    epmd, home=self.home, env=self.environment(), output=output, death_signal="KILL"
                )
                undo.callback(self.stop)
                _wait_for(self._epmd_port)
            server = [str(self.installation.scripts / "rabbitmq-server")]
            self._server = spawn(
                server, home=self.home, env=self.environment(), output=output, cwd=self._folder
            )
            undo.pop_all()

    def running(self) -> bool:
        return self._server is not None and self._server.poll() is None

    def kill(self) -> None:
        """SIGKILL, as a machine that loses power would: nothing is flushed, nobody is told."""
        if self._server is not None:
            signal_group(self._server.pid, signal.SIGKILL)
            self._server.wait()
            self._forget()

    @property
    def pid(self) -> int | None:
        """Of the server, which is the Erlang VM itself."""
        return self._server.pid if self._server else None

    def stop(self) -> None:
        """Ends both. RabbitMQ closes its stores within a second, then waits for five more."""
        for process, grace in ((self._server, 3), (self._epmd, 0)):
            if process is not None:
                end(process, grace_seconds=grace)
        self._server = self._epmd = None

    def ctl(self, *arguments: str) -> str:
        command = [str(self.installation.scripts / "rabbitmqctl"), "--quiet", "--node", self.name, *arguments]
        result = subprocess.run(
            command, env=self.environment(), capture_output=True, text=True, check=False, timeout=120
        )
        if result.returncode:
            raise LocalError(f"`rabbitmqctl {' '.join(arguments)}` failed: {result.stderr.strip()}")
        return result.stdout

    def environment(self) -> dict[str, str]:
        home = self._folder
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
            "RABBITMQ_NODENAME": self.name,
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
        while f"name {self.name.partition('@')[0]} at" in self._names() and time.monotonic() < deadline:
            time.sleep(0.05)

    def _names(self) -> str:
        command = [str(self.installation.epmd), "-port", str(self._epmd_port), "-names"]
        return subprocess.run(
            command, env=self.environment(), capture_output=True, text=True, check=False
        ).stdout


def _write_secrets(home: Path, peers: Peers | None) -> None:
    cookie = home / ".erlang.cookie"
    if peers:
        cookie.write_text(peers.cookie)
    else:
        kept_secret(cookie)
    cookie.chmod(0o400)


def _write_configuration(home: Path, port: int, management_port: int, user: str, password: str) -> None:
    for folder in ("data", "log", "generated", "schema"):
        (home / folder).mkdir(exist_ok=True)
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


def _write_clustering(home: Path, peers: Peers) -> None:
    settings = {
        "cluster_formation.peer_discovery_backend": "classic_config",
        # What the manual advises for three nodes: the smaller part of a cut stops, and joins again.
        "cluster_partition_handling": "pause_minority",
        # Seconds until a silent peer is given up; 60 is long for a test.
        "net_ticktime": "8",
    }
    for number, name in enumerate(peers.names, 1):
        settings[f"cluster_formation.classic_config.nodes.{number}"] = name
    with (home / "rabbitmq.conf").open("a") as file:
        file.writelines(f"{key} = {value}\n" for key, value in settings.items())


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 10
    while not _answers(port):
        if time.monotonic() > deadline:
            raise LocalError(f"epmd does not answer on port {port}: see the broker's log.")
        time.sleep(0.02)


def _answers(port: int) -> bool:
    try:
        socket.create_connection((LOOPBACK, port), timeout=1).close()
    except OSError:
        return False
    return True
