import signal
from threading import Thread
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from app import needs
from app.metrics.server import Server, listening
from app.outbox.metrics import RelayMetrics
from app.outbox.relay import Relay

log = structlog.get_logger("app.outbox")


class Command(BaseCommand):
    help = "Bring accepted messages to the broker; metrics on RELAY_PORT. SIGTERM finishes the batch in hand."

    def handle(self, **_: Any) -> None:
        # Not the broker: a relay that starts while it is away waits in its loop, alive, and says so.
        needs.database()
        metrics = RelayMetrics()
        relay = Relay(metrics)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: setattr(relay, "stopping", True))
        with _server(metrics) as server:
            Thread(target=server.serve_forever, daemon=True).start()
            log.info("relaying", metrics="{}:{}".format(*server.server_address[:2]))
            relay.run()
            server.shutdown()


def _server(metrics: RelayMetrics) -> Server:
    host, port = settings.BIND_ADDRESS, settings.RELAY_PORT
    try:
        return listening(host, port, metrics)
    except OSError as error:
        raise CommandError(
            f"The relay cannot listen on {host}:{port} ({error.strerror}). Set RELAY_PORT or BIND_ADDRESS."
        ) from error
