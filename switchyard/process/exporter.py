"""The role ``exporter``."""

import signal
from threading import Event, Thread
from typing import Any

import structlog
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from switchyard.broker.management import Management, ManagementError
from switchyard.metrics.exporter import WAIT_SECONDS, Exporter, Reads
from switchyard.metrics.periodic import Rounds
from switchyard.metrics.server import serving
from switchyard.schedule.lease import WAITS

log = structlog.get_logger("switchyard.metrics")

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
            with serving("the exporter", "EXPORTER_PORT", exporter) as server:
                Thread(target=Rounds(exporter.yard).run, args=(stop,), daemon=True).start()
                log.info("serving", address=str(server), broker=str(management))
                stop.wait()


def _management() -> Management:
    try:
        return Management.from_settings(timeout_seconds=WAIT_SECONDS)
    except ManagementError as error:
        raise CommandError(str(error)) from error
