"""Serves a role's ``/metrics`` and its probes, a thread for each request."""

import json
import socket
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from socketserver import TCPServer, ThreadingMixIn
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import structlog
from django.core.management.base import CommandError
from prometheus_client import CollectorRegistry, disable_created_metrics, make_wsgi_app
from prometheus_client.registry import Collector

from switchyard.broker.address import bracketed
from switchyard.conf import conf

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
#: What it says, and whether that is good.
Probe = Callable[[], tuple[bool, dict[str, Any]]]
Probes = Mapping[str, Probe]

#: Of who answers at all.
ALIVE: Probes = {"/livez": lambda: (True, {"alive": True})}

log = structlog.get_logger("switchyard.metrics")

# A second series beside each counter and histogram, which nobody reads.
disable_created_metrics()  # type: ignore[no-untyped-call]


def listening(host: str, port: int, collector: Collector, probes: Probes = ALIVE) -> "Server":
    """A server that is bound to its port and has yet to ``serve_forever``. Raises OSError."""
    registry = CollectorRegistry()
    registry.register(collector)
    server = Server((host, port), Handler)
    server.set_app(application(make_wsgi_app(registry), probes))
    return server


@contextmanager
def serving(role: str, setting: str, collector: Collector) -> Iterator["Server"]:
    """Answer scrapes in a thread of this process, on the port of that setting, until the block ends.

    Raises CommandError when the port cannot be had.
    """
    with _bound(role, setting, collector) as server:
        Thread(target=server.serve_forever, name="metrics", daemon=True).start()
        yield server
        server.shutdown()


def look_at_port(role: str, setting: str) -> None:
    """Raises CommandError when the port cannot be had, for a process that is to be replaced by another."""
    _bound(role, setting, CollectorRegistry(auto_describe=False)).server_close()


def _bound(role: str, setting: str, collector: Collector) -> "Server":
    host, port = conf.BIND_ADDRESS, getattr(conf, setting)
    try:
        return listening(host, port, collector)
    except OSError as error:
        raise CommandError(
            f"The metrics of {role} cannot listen on {host}:{port} ({error.strerror}). Set {setting} or "
            "BIND_ADDRESS."
        ) from error


def application(metrics: Application, probes: Probes) -> Application:
    def respond(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics":
            return metrics(environ, start_response)
        if path in probes:
            good, words = probes[path]()
            status = "200 OK" if good else "503 Service Unavailable"
            start_response(status, [("Content-Type", "application/json")])
            return [json.dumps(words).encode()]
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [f"Here are /metrics, {', '.join(probes)}.\n".encode()]

    return respond


class Handler(WSGIRequestHandler):
    #: Seconds that a client may take to send its request, before its thread is taken back.
    timeout = 5

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing: a scrape is not an event."""


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def __str__(self) -> str:
        host, port = self.server_address[:2]
        return f"{bracketed(str(host))}:{port}"

    def __init__(self, address: tuple[str, int], handler: type[Handler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, handler)

    def server_bind(self) -> None:
        """As WSGIServer's, without looking up the host's name, which can take long where there is no DNS."""
        TCPServer.server_bind(self)
        host, self.server_port = self.server_address[:2]
        self.server_name = str(host)
        self.setup_environ()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away or was too slow is none of our trouble."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            log.error("scrape_failed", client=client_address[0], exc_info=error)
