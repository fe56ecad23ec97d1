"""Runs the roles of the image but the worker and the release."""

import os
import signal
import sys
import tempfile
from threading import Thread
from typing import Any

import gunicorn
import structlog
from django.core.management.base import BaseCommand, CommandError, CommandParser
from gunicorn.workers import SUPPORTED_WORKERS

from switchyard.broker.management import Management, ManagementError
from switchyard.celery import attached
from switchyard.conf import conf
from switchyard.deadletters.work import Worker
from switchyard.metrics.exporter import WAIT_SECONDS, Exporter, Reads
from switchyard.metrics.periodic import Periodic
from switchyard.metrics.server import look_at_port, serving
from switchyard.ops.console import stopped_by_signals
from switchyard.process import dependencies
from switchyard.process.exposure import refuse_exposed
from switchyard.relay.metrics import RelayMetrics
from switchyard.relay.relay import Relay as RelayLoop
from switchyard.stop import Stop

log = structlog.get_logger("switchyard.process")


class Web(BaseCommand):
    help = "Serve HTTP with gunicorn on PORT, metrics on WEB_METRICS_PORT. SIGTERM finishes what is running."

    def handle(self, **_: Any) -> None:
        refuse_exposed()
        if conf.WEB_ASGI and "asgi" not in SUPPORTED_WORKERS:
            raise CommandError(
                f"SWITCHYARD_WEB_ASGI needs gunicorn 24 or later; this is {gunicorn.__version__}."
            )
        dependencies.database()
        # Its processes would only wait for it.
        look_at_port("web", "WEB_METRICS_PORT")
        if conf.WEB_PROCESSES > 1:
            # For prometheus-client, and to be set before that is imported.
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="switchyard-web-")
        # A process of its own: gunicorn forks, and must not inherit this one's connections and threads.
        command = [sys.executable, "-m", "gunicorn", "--config=python:switchyard.process.gunicorn"]
        os.execv(sys.executable, command)  # noqa: S606


class Beat(BaseCommand):
    help = "Send what the schedule says is due. A second one stands by."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--loglevel", default="INFO", help="Celery's log level (default: INFO)")

    def handle(self, *, loglevel: str, **_: Any) -> None:
        refuse_exposed()
        dependencies.database()
        attached().start(["beat", "--pidfile=", f"--loglevel={loglevel}"])


class Relay(BaseCommand):
    help = "Bring accepted messages to the broker; metrics on RELAY_PORT. SIGTERM finishes the batch in hand."

    def handle(self, **_: Any) -> None:
        refuse_exposed()
        # Not the broker: a relay that starts while it is away waits in its loop, alive, and says so.
        dependencies.database()
        metrics = RelayMetrics()
        relay = RelayLoop(metrics)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: setattr(relay, "stopping", True))
        with serving("the relay", "RELAY_PORT", metrics) as server:
            log.info("relaying", metrics=str(server))
            relay.run()


class Exporting(BaseCommand):
    help = "Serve the queues' metrics on EXPORTER_PORT: /metrics for Prometheus, /livez for the probe."

    def handle(self, **_: Any) -> None:
        refuse_exposed()
        stop = Stop()
        with stopped_by_signals(stop), _management() as management:
            exporter = Exporter(Reads.of(management))
            with serving("the exporter", "EXPORTER_PORT", exporter) as server:
                Thread(target=Periodic(exporter.yard).run, args=(stop,), daemon=True).start()
                log.info("serving", address=str(server), broker=str(management))
                stop.wait()


class Jobs(BaseCommand):
    help = "Do what is asked for on dead letters: copies, replays, discards. SIGTERM leaves it to the next."

    def handle(self, **_: Any) -> None:
        refuse_exposed()
        # Not the broker: while that is away, what was asked for waits, and says so.
        dependencies.database()
        stop = Stop()
        with stopped_by_signals(stop):
            log.info("working")
            Worker(stop).run()


def _management() -> Management:
    try:
        return Management.from_settings(timeout_seconds=WAIT_SECONDS)
    except ManagementError as error:
        raise CommandError(str(error)) from error
