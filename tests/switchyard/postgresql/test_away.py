"""A database that is gone, or says nothing any more, is found out soon, and so is that it is back."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from django.db import OperationalError, connection, connections

from deploy.local.ports import LOOPBACK
from switchyard import sqlstate
from switchyard.pooler import connected
from switchyard.postgresql import health
from switchyard.postgresql.pool import TASK_WAIT_SECONDS, share_connections
from switchyard.postgresql.timeouts import TIMEOUTS
from tests.database_entry import changed
from tests.faults.proxy import Proxy
from tests.live.processes import eventually

#: Loopback too, and nobody's: what listens on the server's port listens on another address.
ELSEWHERE = "127.0.0.9"
NAME = "database.test"
#: Far above what is promised, far below what it takes without the promise.
SOON_SECONDS = 10


@pytest.fixture
def shared(transactional_db: None) -> Iterator[dict[str, Any]]:
    """The entry of DATABASES, to be changed before ``share_connections``; as it was after the test."""
    with changed() as database:
        yield database


@contextmanager
def dropping(port: int) -> Iterator[None]:
    """Whoever connects there is not even refused: a pod's address after the pod, with a full queue."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server((ELSEWHERE, port), backlog=0))
        for _ in range(2):
            fills = stack.enter_context(socket.socket())
            fills.setblocking(False)
            fills.connect_ex(listener.getsockname())
        yield


@contextmanager
def refusing(_port: int) -> Iterator[None]:
    yield


def ask() -> None:
    """As a task or a request of a thread's own."""
    try:
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connections["default"].close()


@pytest.mark.parametrize(("away", "attempts"), [(refusing, 9), (dropping, 2)])
def test_who_waits_has_a_connection_as_soon_as_the_name_leads_to_the_database(
    shared: dict[str, Any], monkeypatch: pytest.MonkeyPatch, away: Any, attempts: int
) -> None:
    """A pool of psycopg's alone makes these in 15 s, and waits as long for the next; or in two minutes."""
    addresses, lookups = [ELSEWHERE], []
    known = socket.getaddrinfo

    def look_up(host: str, *args: Any, **options: Any) -> Any:
        if host == NAME:
            lookups.append(addresses[-1])
        return known(addresses[-1] if host == NAME else host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    shared["HOST"] = NAME
    share_connections(wait_seconds=TASK_WAIT_SECONDS)
    with away(int(shared["PORT"])), ThreadPoolExecutor(1) as threads:
        asked = threads.submit(ask)
        eventually(lambda: len(lookups) >= attempts, within=12)
        addresses.append(LOOPBACK)
        asked.result(SOON_SECONDS)


def test_a_server_that_says_nothing_any_more_is_given_up_and_found_again(
    shared: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when every connection of the pool is one to it."""
    monkeypatch.setattr(health, "TRUSTED_SECONDS", 0)
    with Proxy(int(shared["PORT"])) as proxy, ThreadPoolExecutor(4) as threads:
        shared["PORT"] = str(proxy.port)
        share_connections(wait_seconds=1.2, impatient=True)
        for done in [threads.submit(ask) for _ in range(12)]:
            done.result(SOON_SECONDS)
        assert proxy.connections
        proxy.freeze()
        for refused in [threads.submit(ask) for _ in range(12)]:
            assert sqlstate.is_away(refused.exception(SOON_SECONDS))
        proxy.thaw()
        eventually(lambda: threads.submit(ask).exception(SOON_SECONDS) is None, within=SOON_SECONDS)


def test_of_those_somebody_waits_for_one_finds_out_and_the_others_are_told(shared: dict[str, Any]) -> None:
    shared["HOST"] = ELSEWHERE
    share_connections(wait_seconds=1.2, impatient=True)
    with pytest.raises(OperationalError) as raised:
        ask()
    assert sqlstate.is_away(raised.value)
    waited = connection.pool.get_stats()["requests_num"]
    eventually(lambda: connection.pool.get_stats()["connections_errors"])
    for _ in range(50):
        with pytest.raises(OperationalError, match=r"no connection can be made at present: .*refused"):
            ask()
    assert connection.pool.get_stats()["requests_num"] <= waited + 1


def test_every_connection_has_the_time_outs_and_the_url_may_say_otherwise(shared: dict[str, Any]) -> None:
    """As the kernel has them. (A pool's are made of the same parameters: test_url.)"""
    shared["OPTIONS"]["keepalives_idle"] = "40"
    with connected() as link, socket.socket(fileno=socket.dup(link.fileno())) as own:
        found = {
            "keepalives_idle": own.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
            "keepalives_interval": own.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL),
            "keepalives_count": own.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT),
            "tcp_user_timeout": own.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT),
        }
        assert own.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert found | {"connect_timeout": TIMEOUTS["connect_timeout"]} == TIMEOUTS | {"keepalives_idle": 40}
