"""What is done to the service, the one alert that must follow, and how it is undone."""

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from tests.alerts.service import Load, Service

#: Of what a laptop has; RabbitMQ's own is 0.4.
NO_MEMORY, ENOUGH_MEMORY = "0.0001", "0.4"


@dataclass
class Fault:
    """``begin`` and ``end`` return at once or when what they did has happened."""

    name: str
    alert: str
    begin: Callable[[Service], None]
    end: Callable[[Service], None]
    #: The issue's promise for growth; the others are held to what their rule says and a busy machine needs.
    within_seconds: float = 180


class Growth:
    """More than the workers can do; then more workers, as a person would start them."""

    def begin(self, service: Service) -> None:
        self._load = Load(service.url, "ledger.io_work", per_second=14, seconds=1).start()

    def end(self, service: Service) -> None:
        self._load.stop()
        service.start_more_workers()


def fail_one(service: Service) -> None:
    body = {"key": f"fails-{time.time()}", "task": "ledger.io_fail"}
    httpx.post(f"{service.url}/promise", json=body, timeout=30, trust_env=False).raise_for_status()


def memory(service: Service, share: str) -> None:
    service.broker.ctl("set_vm_memory_high_watermark", share)


def faults() -> list[Fault]:
    growth = Growth()
    return [
        Fault("a queue grows", "QueueGrowing", growth.begin, growth.end, 120),
        Fault(
            "the workers of io are stopped",
            "QueueHasNoConsumers",
            lambda service: service.end_role("worker-io"),
            lambda service: service.start_role("worker-io"),
        ),
        Fault(
            "beat is stopped",
            "BeatSilent",
            lambda service: service.end_role("beat"),
            lambda service: service.start_role("beat"),
        ),
        Fault(
            "the broker is short of memory",
            "BrokerAlarm",
            lambda service: memory(service, NO_MEMORY),
            lambda service: memory(service, ENOUGH_MEMORY),
        ),
        Fault(
            "a task fails for good",
            "DeadLettersNew",
            fail_one,
            lambda service: service.command("deadletters", "discard", "--yes") and None,
        ),
        Fault(
            "the relay's connection to the broker is half open",
            "OutboxNotDraining",
            lambda service: service.proxy.freeze(),
            lambda service: service.proxy.thaw(),
        ),
        Fault(
            "the exporter is killed",
            "ExporterDown",
            lambda service: service.end_role("exporter", signal.SIGKILL),
            lambda service: service.start_role("exporter"),
        ),
    ]
