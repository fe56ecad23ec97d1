"""A Kubernetes control plane: etcd, the API server, controller-manager and scheduler."""

import base64
import json
import secrets
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from deploy.cluster.overlay import NAMESPACE
from deploy.local.errors import LocalError
from deploy.local.ports import LOOPBACK, free_ports
from deploy.local.processes import end, spawn

CONTEXT = "cluster-test"
READY_SECONDS = 240


@dataclass(frozen=True)
class Setting:
    """Where it listens, who may ask it, and how long it waits. The defaults are for a node that is none."""

    host: str = LOOPBACK
    #: Of kubectl; the first is the current one.
    contexts: tuple[str, ...] = (CONTEXT,)
    #: Beside the administrator: user to group.
    users: Mapping[str, str] = field(default_factory=dict)
    api_server: tuple[str, ...] = (
        # It would publish its address as a Service's, which loopback may not be.
        "--endpoint-reconciler-type=none",
    )
    controller_manager: tuple[str, ...] = (
        # The one node there renews no lease.
        "--node-monitor-grace-period=10h",
    )


@dataclass(frozen=True)
class Plane:
    """A running one, and how to reach it. ``tokens`` are those of the users, by name."""

    url: str
    token: str
    folder: Path
    setting: Setting
    tokens: Mapping[str, str]

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    @property
    def certificate(self) -> Path:
        """The API server's own, which it made itself, with the authority that signed it."""
        return self.folder / "certificates" / "apiserver.crt"

    @property
    def key(self) -> Path:
        return self.folder / "certificates" / "apiserver.key"

    def client(self) -> httpx.Client:
        trusted = ssl.create_default_context(cafile=self.certificate)
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.Client(base_url=self.url, verify=trusted, headers=headers, timeout=60, trust_env=False)


@contextmanager
def control_plane(programs: Path, folder: Path, setting: Setting | None = None) -> Iterator[Plane]:
    """Runs until the end of the block. Raises LocalError with the end of the API server's log."""
    etcd, peer, port = free_ports(3)
    setting = setting or Setting()
    tokens = {user: secrets.token_hex(16) for user in setting.users}
    plane = Plane(f"https://{setting.host}:{port}", secrets.token_hex(16), folder, setting, tokens)
    folder.mkdir(parents=True)
    write_credentials(plane)
    with ExitStack() as running:
        running.enter_context(program(programs / "etcd", etcd_flags(folder, etcd, peer), folder))
        flags = api_server_flags(plane, etcd, port)
        server = running.enter_context(program(programs / "kube-apiserver", flags, folder))
        wait_until_ready(plane, server)
        flags = controller_manager_flags(plane)
        running.enter_context(program(programs / "kube-controller-manager", flags, folder))
        running.enter_context(program(programs / "kube-scheduler", client_flags(plane), folder))
        yield plane


def write_credentials(plane: Plane) -> None:
    """The administrator and the users, by token, and the key that signs the service accounts' tokens."""
    lines = [f"{plane.token},administrator,administrator,system:masters"]
    for user, group in plane.setting.users.items():
        lines.append(f"{plane.tokens[user]},{user},{user},{group}")
    (plane.folder / "tokens.csv").write_text("\n".join(lines) + "\n")
    (plane.folder / "service-accounts.key").write_text(signing_key())
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": "it", "cluster": {"server": plane.url, "certificate-authority": str(plane.certificate)}}
        ],
        "users": [{"name": "administrator", "user": {"token": plane.token}}],
        "contexts": [
            {"name": name, "context": {"cluster": "it", "user": "administrator", "namespace": NAMESPACE}}
            for name in plane.setting.contexts
        ],
        "current-context": plane.setting.contexts[0],
    }
    plane.kubeconfig.write_text(json.dumps(config))


def signing_key() -> str:
    """A new private key on the curve P-256, as PEM: its structure is short, so that no library is needed."""
    number = (secrets.randbits(255) + 1).to_bytes(32, "big")
    der = bytes.fromhex("30310201010420") + number + bytes.fromhex("a00a06082a8648ce3d030107")
    text = base64.encodebytes(der).decode()
    return f"-----BEGIN EC PRIVATE KEY-----\n{text}-----END EC PRIVATE KEY-----\n"


def etcd_flags(folder: Path, port: int, peer: int) -> list[str]:
    own, others = f"http://{LOOPBACK}:{port}", f"http://{LOOPBACK}:{peer}"
    return [
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={own}",
        f"--advertise-client-urls={own}",
        f"--listen-peer-urls={others}",
        f"--initial-advertise-peer-urls={others}",
        f"--initial-cluster=default={others}",
        "--unsafe-no-fsync",
    ]


def api_server_flags(plane: Plane, etcd: int, port: int) -> list[str]:
    """Its own defaults, Pod Security's admission among them, but for addresses and credentials."""
    return [
        f"--etcd-servers=http://{LOOPBACK}:{etcd}",
        f"--bind-address={plane.setting.host}",
        f"--advertise-address={plane.setting.host}",
        *plane.setting.api_server,
        f"--secure-port={port}",
        f"--cert-dir={plane.folder / 'certificates'}",
        "--authorization-mode=Node,RBAC",
        f"--token-auth-file={plane.folder / 'tokens.csv'}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={plane.folder / 'service-accounts.key'}",
        f"--service-account-signing-key-file={plane.folder / 'service-accounts.key'}",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--kubelet-preferred-address-types=InternalIP",
        # As in every cluster: its own pods need it, and a namespace's label says which others may.
        "--allow-privileged=true",
    ]


def controller_manager_flags(plane: Plane) -> list[str]:
    return [
        *client_flags(plane),
        f"--root-ca-file={plane.certificate}",
        f"--service-account-private-key-file={plane.folder / 'service-accounts.key'}",
        *plane.setting.controller_manager,
    ]


def client_flags(plane: Plane) -> list[str]:
    return [f"--kubeconfig={plane.kubeconfig}", "--leader-elect=false", "--secure-port=0"]


@contextmanager
def program(binary: Path, flags: list[str], folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    with (folder / f"{binary.name}.log").open("wb") as log:
        process = spawn([str(binary), *flags], home=folder, env={}, output=log, cwd=folder)
    try:
        yield process
    finally:
        # Killed: what it holds is deleted, and the API server would wait a minute for its watchers.
        end(process, grace_seconds=0)


def wait_until_ready(plane: Plane, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not is_ready(plane):
        if server.poll() is not None or time.monotonic() > deadline:
            log = (plane.folder / "kube-apiserver.log").read_text(errors="replace").splitlines()
            last = "\n".join(log[-12:])
            raise LocalError(f"No API server was ready within {READY_SECONDS} s; its log ends with:\n{last}")
        time.sleep(0.2)


def is_ready(plane: Plane) -> bool:
    """The certificate is there only once it is written."""
    try:
        with plane.client() as client:
            return client.get("/readyz").status_code == 200
    except (OSError, httpx.TransportError):
        return False
