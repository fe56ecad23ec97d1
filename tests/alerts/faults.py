"""What is done under the rules as they are, the alerts that must follow, and how it is undone."""

import signal
import time
from typing import Any
from urllib.parse import urlsplit

import httpx
from amqp import Message
from kombu import Connection
from kombu.transport.native_delayed_delivery import MAX_LEVEL, calculate_routing_key, level_name

from tests.alerts.fault import Fault, Round
from tests.alerts.service import Load, Service
from tests.alerts.sessions import Sessions, changed
from tests.live.processes import eventually

#: Of what a laptop has; RabbitMQ's own is 0.4.
NO_MEMORY, ENOUGH_MEMORY = "0.0001", "0.4"
#: What a person wrote into the outbox by hand.
_UNREADABLE = (
    "INSERT INTO switchyard_outbox (task_id, task, queue, headers, properties, body)"
    " VALUES ('unreadable', 'ledger.io_work', 'io', '{', '{}', '[]')"
)
#: An entry of a release that is to come, or has gone.
_NO_SUCH_TASK = (
    "WITH often AS (INSERT INTO django_celery_beat_intervalschedule (every, period) VALUES (2, 'seconds')"
    " RETURNING id) INSERT INTO django_celery_beat_periodictask (name, task, interval_id, args, kwargs,"
    " headers, description, enabled, one_off, total_run_count, date_changed) SELECT 'renamed',"
    " 'ledger.io_renamed', id, '[]', '{}', '{}', '', true, false, 0, now() FROM often"
)
_NO_SUCH_ENTRY = "DELETE FROM django_celery_beat_periodictask WHERE name = 'renamed'"
_CLONE = "INSERT INTO switchyard_identity (environment, broker, written_by) VALUES ('', 'elsewhere/', 'test')"


class Growth:
    """More than the workers can do; then more workers, as a person would start them."""

    def begin(self, service: Service) -> None:
        self._load = Load(service.url, "ledger.io_work", 14, {"seconds": 1}).start()

    def end(self, service: Service) -> None:
        self._load.stop()
        service.start_more_workers()


class SlowGrowth:
    """A little more than cpu's one slot can do: its objective is far away."""

    def begin(self, service: Service) -> None:
        self._load = Load(service.url, "ledger.cpu_work", 3, {"seconds": 0.6}).start()

    def end(self, service: Service) -> None:
        self._load.stop()


class TwoBeats:
    """Two sessions hold the lease, and beat, which cannot have it, is away."""

    def __init__(self) -> None:
        self._sessions = Sessions()

    def begin(self, service: Service) -> None:
        service.end_role("beat")
        self._sessions.hold_lease(service)

    def end(self, service: Service) -> None:
        self._sessions.end()
        service.start_role("beat")


def promise(service: Service, task: str, key: str = "", *, more: int = 0, **kwargs: float) -> None:
    """Ask for one task, as a request does; or for some more with it."""
    body = {"key": key or f"{task}-{time.time()}", "task": task, "kwargs": kwargs, "more": more}
    httpx.post(f"{service.url}/promise", json=body, timeout=30, trust_env=False).raise_for_status()


def countdown_of_a_removed_queue(service: Service) -> None:
    """As a release has left one behind that had a queue more."""
    with Connection(service.broker.url) as link:
        key = calculate_routing_key(1, "removed")
        channel: Any = link.default_channel
        channel.basic_publish(Message("{}"), exchange=level_name(MAX_LEVEL), routing_key=key)


def discard_dead_letters(service: Service) -> None:
    service.command("deadletters", "discard", "--yes")


def memory(service: Service, share: str) -> None:
    service.broker.ctl("set_vm_memory_high_watermark", share)


def give_rights(service: Service, *tags: str) -> None:
    """Of the broker's user; without a tag it may work, and ask the management API nothing."""
    user = urlsplit(service.broker.url).username or ""
    service.broker.ctl("set_user_tags", user, *tags)


def end_database(service: Service) -> None:
    service.postgres.kill()


def start_database(service: Service) -> None:
    service.postgres.start()
    eventually(service.answers, within=120, what="web to answer")


def rounds() -> list[Round]:
    growth, slow, beats = Growth(), SlowGrowth(), TwoBeats()
    return [
        (
            Fault(
                "many tasks come at once",
                ("QueueBehind",),
                lambda service: promise(service, "ledger.io_work", more=1200, seconds=1),
                lambda _: None,
                90,
                also=("WaitObjectiveBurningFast",),
                passes=True,
            ),
            Fault("a queue grows whose objective is far", ("QueueGrowing",), slow.begin, slow.end, 120),
        ),
        (
            Fault(
                "a queue grows",
                ("QueueBehind",),
                growth.begin,
                growth.end,
                120,
                also=("WaitObjectiveBurningFast",),
            ),
        ),
        (
            Fault(
                "the workers of io are stopped",
                ("QueueHasNoConsumers",),
                lambda service: service.end_role("worker-io"),
                lambda service: service.start_role("worker-io"),
            ),
            Fault(
                "a message is put into the outbox by hand",
                ("OutboxQuarantine",),
                lambda service: changed(service, _UNREADABLE) and None,
                lambda service: service.command("outbox", "discard", "--yes") and None,
            ),
        ),
        (
            Fault(
                "beat is stopped",
                ("BeatSilent",),
                lambda service: service.end_role("beat"),
                lambda service: service.start_role("beat"),
            ),
            Fault(
                "the broker's user may not ask its management API",
                ("BrokerUnreadable",),
                give_rights,
                lambda service: give_rights(service, "administrator"),
            ),
        ),
        (
            Fault(
                "the broker is short of memory",
                ("BrokerAlarm",),
                lambda service: memory(service, NO_MEMORY),
                lambda service: memory(service, ENOUGH_MEMORY),
            ),
        ),
        (
            Fault(
                "a task fails for good",
                ("DeadLettersNew",),
                lambda service: promise(service, "ledger.io_fail"),
                discard_dead_letters,
            ),
            Fault(
                "a countdown comes due whose queue was removed",
                ("UnroutableMessages",),
                countdown_of_a_removed_queue,
                discard_dead_letters,
            ),
            Fault("two sessions hold beat's lease", ("TwoBeats",), beats.begin, beats.end),
        ),
        (
            Fault(
                "the relay's connection to the broker is half open",
                ("OutboxNotDraining",),
                lambda service: service.proxy.freeze(),
                lambda service: service.proxy.thaw(),
            ),
        ),
        (
            Fault(
                "the exporter is killed",
                ("ExporterDown",),
                lambda service: service.end_role("exporter", signal.SIGKILL),
                lambda service: service.start_role("exporter"),
            ),
        ),
        (
            Fault(
                "the task of an entry was renamed",
                ("ScheduleEntryRefused",),
                lambda service: changed(service, _NO_SUCH_TASK) and None,
                lambda service: changed(service, _NO_SUCH_ENTRY) and None,
                also=("ScheduleMissed",),
            ),
        ),
        (
            Fault(
                "the database is a clone of another installation's",
                ("DatabaseForeign",),
                lambda service: changed(service, _CLONE) and None,
                lambda service: service.command("adopt-database", "keep", "--yes") and None,
                also=(
                    "BeatSilent",
                    "QueueHasNoConsumers",
                    "OutboxNotDraining",
                    "QueueGrowing",
                    "QueueBehind",
                ),
            ),
        ),
        (
            Fault(
                "the relay is stopped",
                ("MetricsAbsent",),
                lambda service: service.end_role("relay"),
                lambda service: service.start_role("relay"),
                240,
            ),
        ),
    ]


def last_rounds() -> list[Round]:
    """After which it is not quiet for long: most attempts of ten minutes have ended in a retry."""
    away = Fault(
        "the database is ended",
        ("DatabaseUnreadable",),
        end_database,
        start_database,
        also=("QueueGrowing", "QueueBehind", "RetryStorm"),
    )
    return [(away,)]
