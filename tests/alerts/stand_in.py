"""Serves to Prometheus what somebody who is not there would say: a text, made anew at each scrape."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from deploy.local.ports import LOOPBACK


class StandIn:
    _server: ThreadingHTTPServer

    def text(self) -> str:
        """Of a scrape."""
        raise NotImplementedError

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


def _handler(who: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(who.text().encode())

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    return Handler
