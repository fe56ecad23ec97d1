import signal
from threading import Event, Thread
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from app.broker.management import Management, ManagementError
from app.metrics.depths import read_depths
from app.metrics.exporter import WAIT_SECONDS, BrokerCollector
from app.metrics.server import Server, listening

log = structlog.get_logger("app.metrics")


class Command(BaseCommand):
    help = "Serve the queues' metrics on EXPORTER_PORT: /metrics for Prometheus, /livez for the probe."

    def handle(self, **_: Any) -> None:
        stop = Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        with _management() as management, _server(management) as server:
            Thread(target=server.serve_forever, daemon=True).start()
            log.info("serving", address="{}:{}".format(*server.server_address[:2]), broker=str(management))
            stop.wait()
            server.shutdown()


def _management() -> Management:
    try:
        return Management.from_settings(timeout_seconds=WAIT_SECONDS)
    except ManagementError as error:
        raise CommandError(str(error)) from error


def _server(management: Management) -> Server:
    host, port = settings.BIND_ADDRESS, settings.EXPORTER_PORT
    try:
        return listening(host, port, BrokerCollector(lambda: read_depths(management)))
    except OSError as error:
        raise CommandError(
            f"The exporter cannot listen on {host}:{port} ({error.strerror}). Set EXPORTER_PORT or "
            "BIND_ADDRESS."
        ) from error
