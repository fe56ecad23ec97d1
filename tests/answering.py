"""A stand-in for the management API: a real HTTP server that says what it is told to say."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread


@dataclass
class Answering:
    status: int = 200
    body: bytes = b"[]"
    #: Cleared, requests get no answer until it is set again.
    answers: Event = field(default_factory=Event)
    requests: list[str] = field(default_factory=list)
    url: str = ""


@contextmanager
def answering(status: int = 200, body: bytes = b"[]") -> Iterator[Answering]:
    told = Answering(status, body)
    told.answers.set()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.requests.append(self.path)
            told.answers.wait(30)
            self.send_response(told.status)
            self.send_header("Content-Length", str(len(told.body)))
            # A client that gave up waiting has closed the connection.
            with suppress(ConnectionError):
                self.end_headers()
                self.wfile.write(told.body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        told.url = f"http://user:secret@127.0.0.1:{server.server_port}"
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield told
        told.answers.set()
        server.shutdown()
