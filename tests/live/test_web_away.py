"""Web while the database is away: everybody is told so soon, by a 503 that says when to come again."""

from concurrent.futures import ThreadPoolExecutor

import httpx
from django.db import connection

from deploy.local.ports import LOOPBACK, free_ports
from switchyard.process.unavailable import RETRY_AFTER_SECONDS
from tests.faults.proxy import Proxy
from tests.live.processes import Processes, answer, eventually

#: More than web has threads.
REQUESTS = 40
THREADS = 8
#: One request waits 2 s at most. Without a word from the database it was for ever, and 5 s each without one.
SOON_SECONDS = 10


def test_requests_are_told_that_the_database_is_away_and_served_when_it_is_back(processes: Processes) -> None:
    port = free_ports(1)[0]
    address = f"http://{LOOPBACK}:{port}"

    client = httpx.Client(
        timeout=SOON_SECONDS, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)
    )

    def sign_up(number: int) -> httpx.Response:
        form = {"email": f"{number}@example.com", "name": "a"}
        return client.post(f"{address}/signup", json=form)

    def all_are_told() -> None:
        with ThreadPoolExecutor(REQUESTS) as clients:
            for told in clients.map(sign_up, range(REQUESTS)):
                assert (told.status_code, told.headers.get("Retry-After")) == (503, str(RETRY_AFTER_SECONDS))

    def ready() -> bool:
        found = answer(f"{address}/readyz")
        return found is not None and found.status_code == 200

    database = connection.settings_dict
    with Proxy(int(database["PORT"])) as proxy:
        before = processes.environment["DATABASE_URL"]
        url = before.replace(f":{database['PORT']}/", f":{proxy.port}/")
        web = processes.start(
            "web",
            env={
                "PORT": str(port),
                "WEB_THREADS": str(THREADS),
                "DATABASE_URL": url,
                "SIGNUPS_PER_HOUR": "1000",
            },
        )
        eventually(ready)
        proxy.freeze()
        eventually(lambda: not ready())
        all_are_told()
        proxy.thaw()
        eventually(ready, within=SOON_SECONDS)
        served, proxy.target = proxy.target, free_ports(1)[0]
        proxy.cut()
        all_are_told()
        proxy.target = served
        eventually(ready, within=SOON_SECONDS)
        assert sign_up(0).status_code == 202
    waited = [line for line in web.text().splitlines() if "couldn't get a connection after" in line]
    assert len(waited) <= 2 * THREADS
