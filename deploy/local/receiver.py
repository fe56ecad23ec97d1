"""A real webhook receiver on loopback: it checks each delivery, and refuses some the first time."""

import hmac
import threading
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from deploy.local.ports import LOOPBACK

REFUSED_EVERY = 50


class Deliveries:
    """What has come in, by idempotency key. Safe to use from the threads of the server."""

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}
        self.accepted: Counter[str] = Counter()
        self.refused: set[str] = set()
        self.mistakes: list[str] = []
        self._lock = threading.Lock()

    def take(self, path: str, key: str, signature: str, body: bytes, timestamp: str = "") -> int:
        """The status to answer: 204, 500 for one in REFUSED_EVERY when it first comes, 400 for a bad one."""
        with self._lock:
            if not key or not self._signed(path, signature, f"{key}.{timestamp}.".encode() + body):
                self.mistakes.append(
                    f"a delivery to {path} had no key or a wrong signature ({key!r}, {signature!r})"
                )
                return 400
            if self._refuses(key):
                self.refused.add(key)
                return 500
            self.accepted[key] += 1
            return 204

    def _signed(self, path: str, signature: str, body: bytes) -> bool:
        secret = b64decode(self.secrets.get(path, "").removeprefix("whsec_"))
        wanted = b64encode(hmac.digest(secret, body, "sha256")).decode()
        return hmac.compare_digest(signature, f"v1,{wanted}")

    def _refuses(self, key: str) -> bool:
        seen = key in self.refused or key in self.accepted
        return not seen and (len(self.accepted) + len(self.refused)) % REFUSED_EVERY == 5


@contextmanager
def start_receiver(deliveries: Deliveries) -> Iterator[str]:
    """Serves until the end of the block; yields its URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(length)
            if len(body) < length:
                # Cut off in the middle, as a worker does whose time is up: it sends it again.
                self.close_connection = True
                return
            if self.headers.get("X-Switchyard-Event") == "webhook.challenge":
                # Whoever sends it knows the URL; that it is ours is all that is asked.
                self._answer(200, body)
                return
            key, timestamp, signature = (
                self.headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature")
            )
            self._answer(deliveries.take(self.path, key, signature, body, timestamp), b"")

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Each delivery is counted, not printed."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, request: object, client_address: object) -> None:
            """A worker that went away in the middle of a delivery sends it again."""

    with Server((LOOPBACK, 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://{LOOPBACK}:{server.server_port}"
        finally:
            server.shutdown()
