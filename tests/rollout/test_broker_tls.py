"""With an amqps:// URL no role talks to a broker whose certificate is not for the host of the URL."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.local.home import claimed
from deploy.local.node import Node
from deploy.local.ports import free_ports
from deploy.local.readiness import ready_version
from deploy.local.servers import installation
from tests.live.processes import ROOT

#: The certificate is for this address; the node listens on both, as an impostor with any other would.
NAMED, ANOTHER = "127.0.0.1", "127.0.0.2"

#: Every way in which the service connects.
PATHS = {
    "a role's first look": "from switchyard.process import dependencies; dependencies.broker()",
    "a worker": "from app.celery import app; app.connection_for_read().ensure_connection(max_retries=1)",
    "a publisher": "from app.celery import app; app.connection_for_write().ensure_connection(max_retries=1)",
    "the relay": "from switchyard.relay.link import Link; Link().close()",
    "deadletters": "from switchyard.deadletters import queue; queue.broker().__enter__()",
}


@dataclass(frozen=True)
class Listener:
    port: int
    authority: Path
    password: str

    def reached(self, path: str, host: str, authority: Path | None = None) -> str:
        """Empty if the service's code got in at that host, or else what it said."""
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "DJANGO_SETTINGS_MODULE": "app.settings",
            "SECRET_KEY": "only-for-tests",
            "DATABASE_URL": "postgres://unused@localhost/unused",
            "BROKER_URL": f"amqps://switchyard:{self.password}@{host}:{self.port}/%2F",
            "SSL_CERT_FILE": str(authority or self.authority),
            "WAIT_SECONDS": "0",
        }
        code = f"import django; django.setup(); {PATHS[path]}"
        command = [sys.executable, "-c", code]
        result = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=120
        )
        return "" if result.returncode == 0 else result.stderr


@pytest.fixture(scope="module")
def listener(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listener]:
    """A real broker that speaks TLS, with a certificate of an authority of its own."""
    folder, password = tmp_path_factory.mktemp("tls"), "only-for-tests"
    authority = sign(folder, "authority")
    sign(folder, "server", authority=authority)
    with claimed(folder / "node") as home:
        node = Node(installation(), home, folder / "node.log", "switchyard", password)
        (port,) = free_ports(1)
        with (home / "rabbitmq.conf").open("a") as conf:
            conf.write(f"listeners.ssl.1 = {NAMED}:{port}\nlisteners.ssl.2 = {ANOTHER}:{port}\n")
            conf.write(f"ssl_options.certfile = {folder}/server.pem\n")
            conf.write(f"ssl_options.keyfile = {folder}/server.key\n")
        node.start()
        try:
            plain = f"pyamqp://switchyard:{password}@{NAMED}:{node.port}/%2F"
            management = f"http://switchyard:{password}@{NAMED}:{node.management_port}"
            ready_version(plain, management, node.running, node.log, 120)
            yield Listener(port, authority, password)
        finally:
            node.stop()


def sign(folder: Path, name: str, authority: Path | None = None) -> Path:
    """A certificate for NAMED, signed by the authority, or one that is an authority itself."""
    kind = ["-addext", "basicConstraints=critical,CA:TRUE"]
    if authority:
        kind = ["-CA", str(authority), "-CAkey", str(authority.with_suffix(".key"))]
        kind += ["-addext", f"subjectAltName=IP:{NAMED}", "-addext", "basicConstraints=CA:FALSE"]
    certificate = folder / f"{name}.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", f"-subj=/CN={name}"]
    command += ["-keyout", str(certificate.with_suffix(".key")), "-out", str(certificate), *kind]
    subprocess.run(command, check=True, capture_output=True)
    return certificate


@pytest.mark.parametrize("path", PATHS)
def test_a_certificate_of_the_hosts_own_name_is_taken(listener: Listener, path: str) -> None:
    assert listener.reached(path, NAMED) == ""


@pytest.mark.parametrize("path", PATHS)
def test_a_certificate_of_another_name_is_refused(listener: Listener, path: str) -> None:
    assert "certificate verify failed: IP address mismatch" in listener.reached(path, ANOTHER)


@pytest.mark.parametrize("path", PATHS)
def test_a_certificate_of_an_unknown_authority_is_refused(listener: Listener, path: str, tmp_path) -> None:
    another = sign(tmp_path, "another")
    assert "certificate verify failed" in listener.reached(path, NAMED, another)
