"""What a kubelet answers when asked for logs, or to run a command: the texts that a test has put there."""

import base64
import hashlib
import json
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from deploy.local.ports import LOOPBACK
from tests.cluster.plane import Plane

#: The channels of a command's WebSocket, by which Kubernetes has told streams apart since 1.30.
PROTOCOL = "v5.channel.k8s.io"
OUTPUT, RESULT = 1, 3
_ACCEPT = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_BINARY, _CLOSE = 0x82, 0x88


class Streams:
    """By how a pod's name begins: what a command in it prints, and what its log holds."""

    def __init__(self) -> None:
        self.printed: dict[str, str] = {}
        self.logs: dict[str, str] = {}
        self.port = 0


@contextmanager
def streams(plane: Plane) -> Iterator[Streams]:
    """Served until the end of the block, with the API server's own certificate."""
    said = Streams()
    server = ThreadingHTTPServer((LOOPBACK, 0), type("Bound", (Handler,), {"said": said}))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(plane.certificate, plane.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    said.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, name="streams", daemon=True).start()
    yield said
    server.shutdown()
    server.server_close()


class Handler(BaseHTTPRequestHandler):
    """``/containerLogs/NAMESPACE/POD/CONTAINER`` and ``/exec/NAMESPACE/POD/CONTAINER``."""

    protocol_version = "HTTP/1.1"
    said: Streams

    def do_GET(self) -> None:
        _, what, _, pod, *_ = urlsplit(self.path).path.split("/")
        if what == "exec":
            self.upgrade()
            self.frame(_BINARY, bytes([OUTPUT]) + matching(self.said.printed, pod))
            self.frame(_BINARY, bytes([RESULT]) + json.dumps({"status": "Success"}).encode())
            self.frame(_CLOSE, struct.pack("!H", 1000))
        else:
            self.answer(matching(self.said.logs, pod))

    def upgrade(self) -> None:
        accepted = hashlib.sha1((self.headers["Sec-WebSocket-Key"] + _ACCEPT).encode())  # noqa: S324 - RFC 6455
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(accepted.digest()).decode())
        self.send_header("Sec-WebSocket-Protocol", PROTOCOL)
        self.end_headers()
        self.close_connection = True

    def frame(self, kind: int, payload: bytes) -> None:
        """Short ones only: 125 bytes, which is the longest whose length is one byte."""
        assert len(payload) < 126
        self.wfile.write(bytes([kind, len(payload)]) + payload)

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Nothing."""


def matching(texts: dict[str, str], pod: str) -> bytes:
    return next((text.encode() for prefix, text in texts.items() if pod.startswith(prefix)), b"")
