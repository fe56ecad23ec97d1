"""An HTTP server for tests that receives webhooks."""

from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Self

from deploy.local.ports import LOOPBACK


@dataclass(frozen=True)
class Received:
    path: str
    headers: Message
    body: bytes


class Receiver:
    """Keeps what it received. ``answers`` are given to the next requests (a status, or a function that writes
    the answer itself), then all get 204.
    """

    def __init__(self) -> None:
        self.received: list[Received] = []
        #: Whether it answers a challenge, which is then not among what it received.
        self.says_yes = True
        self.answers: list[int | Callable[[BaseHTTPRequestHandler], None]] = []
        self._server = ThreadingHTTPServer((LOOPBACK, 0), self._handler())
        self.port: int = self._server.server_address[1]
        self.url = f"http://{LOOPBACK}:{self.port}/hook"
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(receiver) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers["X-Switchyard-Event"] == "webhook.challenge" and receiver.says_yes:
                    self._reply(200, body)
                    return
                receiver.received.append(Received(self.path, self.headers, body))
                answer = receiver.answers.pop(0) if receiver.answers else 204
                if callable(answer):
                    answer(self)
                    return
                self._reply(answer, b"")

            def _reply(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nothing: the tests look at what was received."""

        return Handler
