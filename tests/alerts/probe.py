"""What a blackbox exporter says of web, where there is none: at each scrape it asks web itself."""

import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import httpx

from deploy.local.ports import LOOPBACK

JOB = "switchyard-web-probe"


@dataclass
class Probe:
    url: str
    #: Of the certificate that web's balancer has.
    days_left: float = 90
    _server: ThreadingHTTPServer = field(init=False, repr=False)

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer((LOOPBACK, 0), _handler(self))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self._server.server_port}"

    def text(self) -> str:
        try:
            answered = httpx.get(f"{self.url}/readyz", timeout=3, trust_env=False).is_success
        except httpx.HTTPError:
            answered = False
        ends = time.time() + self.days_left * 24 * 3600
        return f"probe_success {int(answered)}\nprobe_ssl_earliest_cert_expiry {ends}\n"


def _handler(probe: Probe) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(probe.text().encode())

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    return Handler
