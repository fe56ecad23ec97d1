"""Certificates for 127.0.0.1 of an authority of its own, in date or not, by the machine's openssl."""

import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

#: What ``openssl ca`` wants to know; only it takes both dates before OpenSSL 3.4.
_SETTINGS = """
[ca]
default_ca = own
[own]
database = {folder}/index
new_certs_dir = {folder}
rand_serial = yes
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = supplied
"""


class Authority:
    """``folder`` holds what it makes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.certificate = folder / "authority.pem"
        (folder / "index").touch()
        (folder / "settings").write_text(_SETTINGS.format(folder=folder))
        _openssl("req", "-x509", "-days", "2", *self._key("authority"), "-out", self.certificate)

    def signed(self, name: str, *, begins: timedelta, ends: timedelta) -> Path:
        """A certificate with its key, in date from and until then, counted from now."""
        request, found = self._folder / f"{name}.csr", self._folder / f"{name}.pem"
        _openssl("req", *self._key(name), "-addext", "subjectAltName=IP:127.0.0.1", "-out", request)
        now = datetime.now(UTC)
        dates = ["-startdate", f"{now + begins:%Y%m%d%H%M%SZ}", "-enddate", f"{now + ends:%Y%m%d%H%M%SZ}"]
        signer = ["-cert", self.certificate, "-keyfile", self.certificate.with_suffix(".key")]
        settings = ["-batch", "-config", self._folder / "settings"]
        _openssl("ca", *settings, *signer, *dates, "-in", request, "-out", found)
        with found.open("a") as both:
            both.write(found.with_suffix(".key").read_text())
        return found

    def _key(self, name: str) -> list[str | Path]:
        key = self._folder / f"{name}.key"
        return ["-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", key]


def serving(certificate: Path, clients: Path | None = None) -> ssl.SSLContext:
    """A server's side, which asks for a client's certificate if it has an authority for it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    if clients:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients)
    return context


@contextmanager
def listening(context: ssl.SSLContext | None, reply: bytes = b"") -> Iterator[int]:
    """The port of a server that only shakes hands: at once, or after this reply to what it is asked first."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        Thread(target=_shake_hands, args=(server, context, reply), daemon=True).start()
        yield server.getsockname()[1]


def _shake_hands(server: socket.socket, context: ssl.SSLContext | None, reply: bytes) -> None:
    while True:
        try:
            peer, _ = server.accept()
            if reply:
                peer.recv(8)
                peer.sendall(reply)
            with context.wrap_socket(peer, server_side=True) if context else peer as link:
                link.recv(1)
        except ssl.SSLError:
            continue
        except OSError:
            return


def _openssl(*words: str | Path) -> None:
    command = ["openssl", *words]
    subprocess.run(command, check=True, capture_output=True)
