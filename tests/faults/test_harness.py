"""The harness itself: a checker that sees no loss, or a fault that does not hurt, would prove nothing."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.utils import timezone

from deploy.local.ports import LOOPBACK
from switchyard.schedule.models import Tick
from tests.faults.checker import AFTERMATH_SECONDS, Fault, verdict
from tests.faults.ledger.models import Effect, Execution, Promise
from tests.faults.proxy import Proxy
from tests.faults.ticks import ticks_promised
from tests.live.processes import eventually


def promised(*keys: str) -> None:
    Promise.objects.bulk_create(Promise(key=key, at=0) for key in keys)


def done(key: str, *starts: float, effects: int = 1, redelivered: bool = False) -> None:
    for started in starts:
        Execution.objects.create(
            key=key, task_id=key, pid=1, attempt=0, started=started, redelivered=redelivered
        )
    Effect.objects.bulk_create(Effect(key=key, at=0) for _ in range(effects))


@pytest.mark.django_db
def test_books_that_agree_are_good() -> None:
    promised("a", "b")
    done("a", 1)
    done("b", 1)
    assert verdict().good


@pytest.mark.django_db
def test_a_planted_loss_is_found() -> None:
    promised("kept", "lost", "dead")
    done("kept", 1)
    found = verdict(elsewhere=["dead"])
    assert (found.lost, found.good) == (["lost"], False)


@pytest.mark.django_db
def test_a_planted_phantom_is_found() -> None:
    done("never promised", 1)
    found = verdict()
    assert (found.phantom, found.good) == (["never promised"], False)


@pytest.mark.django_db(transaction=True)
def test_a_tick_promises_its_effect_though_beat_forgets_it_and_one_that_was_refused_does_not() -> None:
    def tick(entry: str) -> Tick:
        now = timezone.now()
        return Tick.objects.create(entry=entry, due_at=now, sent_at=now, task_id=UUID(int=0))

    with ticks_promised():
        tick("forgotten").delete()
        with transaction.atomic():
            tick("refused").delete()
    assert verdict().lost == [f"forgotten {UUID(int=0)}"]


@pytest.mark.django_db
def test_a_planted_second_effect_is_found() -> None:
    promised("twice")
    done("twice", 1, effects=2)
    found = verdict()
    assert (found.repeated_effects, found.good) == (["twice"], False)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fault", "unexplained"),
    [
        (Fault("kill", 15, 15), []),
        (Fault("freeze", 5, 12), []),
        (Fault("kill", 10 - AFTERMATH_SECONDS + 1, 10 - AFTERMATH_SECONDS + 1), []),
        (Fault("kill", 10 - AFTERMATH_SECONDS - 1, 10 - AFTERMATH_SECONDS - 1), ["again"]),
        (Fault("kill", 21, 21), ["again"]),
    ],
)
def test_a_second_run_needs_a_fault_that_explains_it(fault: Fault, unexplained: list[str]) -> None:
    promised("again")
    done("again", 10, 20, redelivered=True)
    found = verdict([fault])
    assert found.repeated_runs == ["again"]
    assert found.unexplained_runs == unexplained
    assert found.good == (not unexplained)


@pytest.mark.django_db
@pytest.mark.parametrize(("fault", "good"), [(Fault("kill", 1, 1), True), (Fault("kill", -100, -99), False)])
def test_what_was_published_twice_is_explained_by_a_fault_since_its_promise(fault: Fault, good: bool) -> None:
    """Both copies stood in a long queue, and started long after."""
    promised("copied")
    done("copied", 300, 310)
    assert verdict([fault]).good == good


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a server that says everything back."""
    server = socket.create_server((LOOPBACK, 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = server.accept()
                threading.Thread(target=answer, args=(client,), daemon=True).start()

    def answer(client: socket.socket) -> None:
        with client, suppress(OSError):
            while data := client.recv(100):
                client.sendall(data)

    threading.Thread(target=serve, daemon=True).start()
    yield server.getsockname()[1]
    server.shutdown(socket.SHUT_RDWR)
    server.close()


def test_the_proxy_passes_on_delays_falls_silent_and_cuts(echo: int) -> None:
    with Proxy(echo) as proxy, socket.create_connection((LOOPBACK, proxy.port), timeout=1) as client:
        client.sendall(b"passed on")
        assert client.recv(100) == b"passed on"
        proxy.answers_delay_seconds = 0.5
        began = time.monotonic()
        client.sendall(b"late")
        assert client.recv(100) == b"late"
        assert time.monotonic() - began >= 0.5
        proxy.answers_delay_seconds = 0
        proxy.freeze()
        client.sendall(b"silence")
        with pytest.raises(TimeoutError):
            client.recv(100)
        proxy.thaw()
        assert client.recv(100) == b"silence"
        assert proxy.cut() == 1
        with pytest.raises(ConnectionResetError):
            client.recv(100)
        eventually(lambda: proxy.connections == 0)


def test_a_failpoint_kills_at_its_place_as_often_as_told(services) -> None:
    process = services.failing("switchyard.process.dependencies:database", "after", 1, 5, "beat")
    assert process.wait() == 0
    assert process.text().count("ended with 9") == 5


@pytest.mark.parametrize("failpoint", ["", "tests.faults.ledger.views:promise before 1"])
def test_a_request_dies_at_its_failpoint(services, failpoint: str) -> None:
    answered = services.post("ledger.io_work", "key", 5, failpoint)
    assert len(answered) == (0 if failpoint else 5)
    assert Promise.objects.count() == len(answered)


def test_a_database_that_was_stopped_immediately_keeps_what_was_committed(services) -> None:
    promised("before")
    services.postgres.kill()
    connection.close()
    services.postgres.start()
    assert Promise.objects.get().key == "before"
