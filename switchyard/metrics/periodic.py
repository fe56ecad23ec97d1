"""Sends the canaries and remembers dead letters, every few seconds, in the exporter."""

from collections.abc import Mapping

import structlog
from django.db import connection

from switchyard.broker.management import ManagementError
from switchyard.deadline import BoundedRead
from switchyard.metrics.canary import send_due
from switchyard.metrics.deadletters import note_dead
from switchyard.metrics.state import QueueState, Yard
from switchyard.postgresql.limits import limited
from switchyard.stop import Stop

ROUND_SECONDS = 5.0

log = structlog.get_logger("switchyard.metrics")


class Periodic:
    def __init__(self, yard: BoundedRead[Yard]) -> None:
        self._yard = yard
        self._trouble = ""

    def run(self, stop: Stop) -> None:
        """Until ``stop`` is set. A round that fails says so, once for each reason; the next may do better."""
        while not stop.wait(ROUND_SECONDS):
            try:
                self.take()
            except Exception as error:  # noqa: BLE001 - the metrics go on whatever it is
                self._say(f"{type(error).__name__}: {str(error).strip()}")
            else:
                self._say("")

    def take(self) -> None:
        """One round. Raises django.db.Error. With a broker that is away the canaries wait in the outbox."""
        states = self._states()
        try:
            with limited():
                send_due(states)
            with limited():
                note_dead({name: state.dead_letters for name, state in states.items()})
        except BaseException:
            connection.close()
            raise

    def _say(self, trouble: str) -> None:
        if trouble and trouble != self._trouble:
            log.warning("round_failed", reason=trouble)
        self._trouble = trouble

    def _states(self) -> Mapping[str, QueueState]:
        try:
            return self._yard.result().states
        except (TimeoutError, ManagementError):
            return {}
