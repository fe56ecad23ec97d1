"""A database whose old primary stays up as a standby, at the address that everybody has."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from django.db import connection

from deploy.local.ports import LOOPBACK, free_ports
from tests.faults.ledger.models import Effect
from tests.faults.proxy import Proxy
from tests.faults.services import Services, all_done, keys, promise
from tests.faults.switchover import Pair
from tests.live.processes import answer, eventually
from tests.live.test_metrics import port_of, sample


def test_a_standby_is_as_good_as_no_database_and_the_new_primary_is_found_at_once(
    services: Services, tally, tmp_path: Path
) -> None:
    first = urlsplit(services.postgres.url).port
    assert first
    with Pair(services.postgres, tmp_path) as pair, Proxy(first) as proxy, at(proxy.port, services):
        port = free_ports(1)[0]
        address = f"http://{LOOPBACK}:{port}"
        web = services.processes.start("web", env={"PORT": str(port)})
        relay, io, beat = services.start("relay", "worker io", "beat")
        exporter = services.processes.start("exporter", env={"EXPORTER_PORT": "0"})
        all_done(promise("ledger.io_work", keys("before", 5)))
        eventually(lambda: ready(address) == 200)
        eventually(lambda: beat.events("lease_taken"))
        running = promise("ledger.io_work", keys("through", 5), seconds=3)
        eventually(lambda: Effect.objects.count() == 5)
        connection.close()
        with services.fault("database"):
            pair.switch_over()
            # Everybody is where they were: at a server that answers, and takes no writes.
            eventually(lambda: ready(address) == 503)
            eventually(lambda: beat.events("standing_by"))
            eventually(lambda: relay.events("database_away"))
            eventually(lambda: sample(port_of(exporter), "database_up") == 0)
            proxy.target = pair.port
        # No connection is cut: what was opened to the standby would be kept by whoever took it for good.
        eventually(lambda: ready(address) == 200, within=20)
        eventually(lambda: len(beat.events("lease_taken")) == 2, within=20)
        eventually(lambda: relay.events("relaying_again"), within=20)
        eventually(lambda: sample(port_of(exporter), "database_up") == 1, within=20)
        all_done([*running, *promise("ledger.io_work", keys("after", 5))])
        found = services.verdict()
        assert all(process.popen.poll() is None for process in (web, relay, io, beat, exporter))
        services.processes.end()
        connection.close()
    tally("switchover", "ours", lost=len(found.lost), repeated_effects=len(found.repeated_effects))
    assert not found.lost
    assert not found.repeated_effects


def ready(address: str) -> int:
    found: httpx.Response | None = answer(f"{address}/readyz", within=20)
    return found.status_code if found else 0


@contextmanager
def at(port: int, services: Services) -> Iterator[None]:
    """The roles, and the test, reach the database at this port."""
    before = connection.settings_dict["PORT"]
    environment = services.processes.environment
    parts = urlsplit(environment["DATABASE_URL"])
    netloc = f"{parts.netloc.rpartition(':')[0]}:{port}"
    environment["DATABASE_URL"] = parts._replace(netloc=netloc).geturl()
    connection.close()
    connection.settings_dict["PORT"] = port
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["PORT"] = before
