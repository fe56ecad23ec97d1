"""Web under clients who send half a request, or read none of the answer: nobody else waits for them."""

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from django.db import connection, transaction

from deploy.local.ports import LOOPBACK, free_ports
from switchyard.process.unavailable import RETRY_AFTER_SECONDS
from tests.live.processes import Processes, answer, eventually
from tests.slow_clients import ATTACKS, attackers

THREADS = 4
#: Of each attack: more than web has threads.
ATTACKERS = 3 * THREADS
OURS = [sys.executable, "-m", "app", "web"]
STOCK = [sys.executable, "-m", "gunicorn", "--config=python:switchyard.process.gunicorn", "-k", "gthread"]
SOON_SECONDS = 3

Start = Callable[..., tuple[int, int]]


@pytest.fixture
def start(yard: Processes) -> Start:
    """Starts a web by its command, and returns its port and that of its probes."""

    def start(command: list[str], **environment: str) -> tuple[int, int]:
        port, probes = free_ports(2)
        ports = {"PORT": str(port), "WEB_METRICS_PORT": str(probes)}
        # With DEBUG it serves files as they are installed, of which one is large.
        yard.start_command(command, {"WEB_THREADS": str(THREADS), "DEBUG": "true", **ports, **environment})
        eventually(lambda: answer(f"http://{LOOPBACK}:{port}/livez"), what="an answer from web")
        return port, probes

    return start


def served(port: int) -> bool:
    """Whether an honest client gets its page."""
    found = answer(f"http://{LOOPBACK}:{port}/admin/login/", within=SOON_SECONDS)
    return found is not None and found.status_code == 200


def test_clients_that_hold_their_connections_stop_nobody(start: Start) -> None:
    stock, _ = start(STOCK)
    with attackers(stock, "half a header", ATTACKERS):
        assert not served(stock)
    port, probes = start(OURS)
    for attack in ATTACKS:
        with attackers(port, attack, ATTACKERS):
            assert served(port), attack
            assert httpx.get(f"http://{LOOPBACK}:{probes}/livez", timeout=1).json() == {"alive": True}, attack
            assert httpx.get(f"http://{LOOPBACK}:{probes}/readyz", timeout=2).json() == {"ready": True}, (
                attack
            )


def test_a_locked_table_makes_no_probe_late_and_no_page_wait_for_ever(start: Start) -> None:
    port, probes = start(OURS, WEB_QUERY_SECONDS="1", DEBUG="false")
    with transaction.atomic():
        connection.cursor().execute("LOCK auth_user, switchyard_identity IN ACCESS EXCLUSIVE MODE")
        with ThreadPoolExecutor(2 * THREADS) as clients:
            asked = [
                clients.submit(httpx.post, f"http://{LOOPBACK}:{port}/signup", json=form, timeout=20)
                for form in ({"email": f"ada{number}@example.com"} for number in range(2 * THREADS))
            ]
            assert httpx.get(f"http://{LOOPBACK}:{probes}/livez", timeout=1).status_code == 200
            assert httpx.get(f"http://{LOOPBACK}:{probes}/readyz", timeout=2).status_code == 503
            told = {(each.result().status_code, each.result().headers["Retry-After"]) for each in asked}
    assert told == {(503, str(RETRY_AFTER_SECONDS))}
    eventually(lambda: httpx.get(f"http://{LOOPBACK}:{probes}/readyz").status_code == 200, what="readiness")
