"""The role ``relay``."""

import signal
from typing import Any

import structlog
from django.core.management.base import BaseCommand

from switchyard.metrics.server import serving
from switchyard.process import dependencies
from switchyard.relay.metrics import RelayMetrics
from switchyard.relay.relay import Relay

log = structlog.get_logger("switchyard.outbox")


class Command(BaseCommand):
    help = "Bring accepted messages to the broker; metrics on RELAY_PORT. SIGTERM finishes the batch in hand."

    def handle(self, **_: Any) -> None:
        # Not the broker: a relay that starts while it is away waits in its loop, alive, and says so.
        dependencies.database()
        metrics = RelayMetrics()
        relay = Relay(metrics)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: setattr(relay, "stopping", True))
        with serving("the relay", "RELAY_PORT", metrics) as server:
            log.info("relaying", metrics=str(server))
            relay.run()
