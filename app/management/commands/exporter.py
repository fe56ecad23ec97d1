import signal
from threading import Event, Thread
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from app.broker.management import Management, ManagementError
from app.metrics.exporter import WAIT_SECONDS, Exporter, Reads
from app.metrics.rounds import Rounds
from app.metrics.server import Server, listening
from app.schedule.lease import WAITS

log = structlog.get_logger("app.metrics")

#: Of PostgreSQL: a statement, or a transaction, that takes longer is ended.
SESSION = "-c statement_timeout=5000 -c idle_in_transaction_session_timeout=10000"


class Command(BaseCommand):
    help = "Serve the queues' metrics on EXPORTER_PORT: /metrics for Prometheus, /livez for the probe."

    def handle(self, **_: Any) -> None:
        stop = Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        options = connection.settings_dict["OPTIONS"]
        connection.settings_dict["OPTIONS"] = {"options": SESSION} | WAITS | options
        with _management() as management:
            exporter = Exporter(Reads.of(management))
            with _server(exporter) as server:
                Thread(target=server.serve_forever, daemon=True).start()
                Thread(target=Rounds(exporter.yard).run, args=(stop,), daemon=True).start()
                address = "{}:{}".format(*server.server_address[:2])
                log.info("serving", address=address, broker=str(management))
                stop.wait()
                server.shutdown()


def _management() -> Management:
    try:
        return Management.from_settings(timeout_seconds=WAIT_SECONDS)
    except ManagementError as error:
        raise CommandError(str(error)) from error


def _server(exporter: Exporter) -> Server:
    host, port = settings.BIND_ADDRESS, settings.EXPORTER_PORT
    try:
        return listening(host, port, exporter)
    except OSError as error:
        raise CommandError(
            f"The exporter cannot listen on {host}:{port} ({error.strerror}). Set EXPORTER_PORT or "
            "BIND_ADDRESS."
        ) from error
