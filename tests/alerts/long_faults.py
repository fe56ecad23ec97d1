"""What is done under the shortened rules (tests/alerts/shortening.py): its alerts look back for long."""

import time
from datetime import timedelta
from urllib.parse import quote

import httpx
import psycopg

from tests.alerts.fault import Fault, Round
from tests.alerts.faults import Growth, discard_dead_letters, promise
from tests.alerts.service import Load, Service
from tests.alerts.sessions import Sessions, changed
from tests.database_clock import DatabaseClock
from tests.live.processes import eventually

_STUCK = "stuck"
_MARK = "INSERT INTO switchyard_once (task, key, created_at) VALUES ('ledger.cpu_work', %s, now())"
_DEAD_FOR_LONG = "UPDATE switchyard_dead_letters_since SET since = since - interval '25 hours'"
_AWAY_FOR_DAYS = (
    "UPDATE switchyard_schedule_clock SET (last_due_at, due_at) = (now() - interval '2 days', now())"
)
_TRIGGER = (
    "CREATE TRIGGER unnoted BEFORE UPDATE OF returned_at ON switchyard_canary"
    " FOR EACH ROW WHEN (NEW.queue = 'cpu') EXECUTE FUNCTION unnoted()"
)
#: From now on nobody notes that a canary of cpu came back, and nobody has for a quarter of an hour.
_NO_CANARY = (
    "UPDATE switchyard_canary SET returned_at = now() - interval '15 minutes' WHERE queue = 'cpu'",
    "CREATE FUNCTION unnoted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    _TRIGGER,
)
_CANARY_AGAIN = ("DROP FUNCTION unnoted CASCADE",)


class WrongClock:
    """The database's clock is ahead, by less than what anything else is measured by."""

    def begin(self, service: Service) -> None:
        self._link = psycopg.connect(service.postgres.url, autocommit=True)
        self._clock = DatabaseClock(self._link)
        self._clock.install()
        self._clock.set_ahead(timedelta(seconds=45))

    def end(self, service: Service) -> None:
        self._clock.remove()
        self._link.close()


class Stuck:
    """The one slot of cpu waits for a row that somebody else's transaction has written."""

    def __init__(self) -> None:
        self._sessions = Sessions()

    def begin(self, service: Service) -> None:
        self._sessions.hold(service, _MARK, _STUCK)
        promise(service, "ledger.cpu_work", _STUCK)

    def end(self, service: Service) -> None:
        self._sessions.end()


class Storm:
    """Four attempts of five end in a retry."""

    def begin(self, service: Service) -> None:
        self._load = Load(service.url, "ledger.io_refuse", 2, {"times": 4}).start()

    def end(self, service: Service) -> None:
        self._load.stop()


class NoMoreWorkers(Growth):
    """A queue grows whose scaler has reached its maximum; then that is raised."""

    def begin(self, service: Service) -> None:
        service.kubernetes.maximum = 1
        super().begin(service)

    def end(self, service: Service) -> None:
        service.kubernetes.maximum = 4
        super().end(service)


def age_dead_letter(service: Service) -> None:
    """Let a task fail, and move its dead letter's time back."""
    promise(service, "ledger.io_fail")
    eventually(lambda: changed(service, _DEAD_FOR_LONG), within=90, what="a dead letter to be noted")


def miss_runs(service: Service) -> None:
    """As if beat had been away for two days."""
    service.end_role("beat")
    assert changed(service, _AWAY_FOR_DAYS), "beat keeps no clock"
    service.start_role("beat")


def unbind(service: Service, queue: str) -> None:
    """Remove every way into the queue."""
    vhost = f"{service.broker.management_url}/api/queues/{quote('/', safe='')}/{queue}/bindings"
    bindings = httpx.get(vhost, timeout=30, trust_env=False).raise_for_status().json()
    for binding in bindings:
        if source := binding["source"]:
            place = f"{service.broker.management_url}/api/bindings/{quote('/', safe='')}/e/{source}/q/{queue}"
            address = f"{place}/{quote(binding['properties_key'], safe='')}"
            httpx.delete(address, timeout=30, trust_env=False).raise_for_status()


def fail_each_time(service: Service) -> None:
    for _ in range(8):
        promise(service, "ledger.io_fail")
        time.sleep(2)


def mend(service: Service) -> None:
    promise(service, "ledger.io_fail", f"mended-{time.time()}")
    discard_dead_letters(service)


def leave_dead_rows(service: Service) -> None:
    """As many as a busy day has, on a table that nobody cleans up."""
    changed(
        service,
        "ALTER TABLE switchyard_once SET (autovacuum_enabled = false)",
        "INSERT INTO switchyard_once (task, key, created_at)"
        " SELECT 'dead', number, now() FROM generate_series(1, 1200000) AS number",
        "DELETE FROM switchyard_once WHERE task = 'dead'",
    )


def clean_up(service: Service) -> None:
    with psycopg.connect(service.postgres.url, autocommit=True) as link:
        link.execute("VACUUM switchyard_once")
        link.execute("ALTER TABLE switchyard_once RESET (autovacuum_enabled)")


def fill_volume(service: Service, free: float) -> None:
    service.kubernetes.free = free


def run_images(service: Service, *names: str) -> None:
    service.kubernetes.images = names


def want_workers(service: Service, count: int) -> None:
    service.kubernetes.wanted = count


def rounds() -> list[Round]:
    stuck, storm, growth, many, forgotten = Stuck(), Storm(), NoMoreWorkers(), Sessions(), Sessions()
    clock = WrongClock()
    return [
        (Fault("the database's clock is 45 s ahead", ("DatabaseClockWrong",), clock.begin, clock.end),),
        (
            Fault(
                "the slot of cpu waits for a row that somebody has locked",
                ("QueueStuck", "QueueGrowing"),
                stuck.begin,
                stuck.end,
                240,
                # The same lock, seen from the database.
                also=("DatabaseTransactionLong", "QueueBehind"),
            ),
            Fault(
                "most of the database's connections are taken",
                ("DatabaseConnectionsNearLimit",),
                many.take_nearly_all,
                lambda _: many.end(),
            ),
            Fault(
                "a dead letter is a day old",
                ("DeadLettersOld",),
                age_dead_letter,
                discard_dead_letters,
                also=("DeadLettersNew",),
            ),
            Fault(
                "two workers of io are wanted where one is",
                ("QueueHasFewConsumers",),
                lambda service: want_workers(service, 2),
                lambda service: want_workers(service, 1),
            ),
        ),
        (
            Fault(
                "the bindings of cpu are removed",
                ("PublishesRefused", "TopologyDrift"),
                lambda service: unbind(service, "cpu"),
                lambda service: service.command("topology", "apply") and None,
                also=("OutboxNotDraining",),
            ),
            Fault(
                "somebody has forgotten a BEGIN",
                ("DatabaseTransactionLong",),
                lambda service: forgotten.hold(service, "SELECT 1 FROM switchyard_outbox"),
                lambda _: forgotten.end(),
            ),
            Fault("a task's requests are refused", ("RetryStorm",), storm.begin, storm.end),
            Fault(
                "beat comes back after two days",
                ("ScheduleMissed",),
                miss_runs,
                lambda _: None,
                passes=True,
            ),
        ),
        (
            Fault(
                "a task fails each time it runs",
                ("TaskNeverSucceeds",),
                fail_each_time,
                mend,
                also=("DeadLettersNew",),
            ),
            Fault("a table is not cleaned up", ("DatabaseNotCleaned",), leave_dead_rows, clean_up, 240),
            Fault(
                "a volume is nearly full",
                ("VolumeFillsUp",),
                lambda service: fill_volume(service, 0.1),
                lambda service: fill_volume(service, 0.8),
            ),
            Fault(
                "a role was left on another release",
                ("ReleasesMixed",),
                lambda service: run_images(service, "old", "new"),
                lambda service: run_images(service, "new"),
            ),
        ),
        (
            Fault(
                "a queue grows, and the scaler is at its maximum",
                ("ScalerAtMaximum", "QueueGrowing", "WaitObjectiveBurningFast", "WaitObjectiveBurningSlow"),
                growth.begin,
                growth.end,
                240,
                also=("QueueBehind",),
            ),
            Fault(
                "a task kills its worker's process",
                ("WorkerCrashLoop",),
                lambda service: promise(service, "ledger.cpu_crash"),
                discard_dead_letters,
                also=("DeadLettersNew",),
                passes=True,
            ),
            Fault(
                "no canary of cpu is noted",
                ("CanaryMissing",),
                lambda service: changed(service, *_NO_CANARY) and None,
                lambda service: changed(service, *_CANARY_AGAIN) and None,
            ),
        ),
    ]
