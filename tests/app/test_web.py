"""The service over HTTP, by each server that it can have."""

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
from django.contrib.auth.models import User
from django.db import connection

from deploy.local.ports import free_ports
from switchyard.outbox.models import Message
from tests.live.processes import Process, Processes, answer, eventually

#: Each by what starts it, and what it is told.
SERVERS = {
    "gunicorn": (["-m", "app", "web"], {}),
    "gunicorn, ASGI": (["-m", "app", "web"], {"WEB_ASGI": "true"}),
    "uvicorn": (["-m", "uvicorn", "app.asgi:application", "--log-level=warning"], {}),
}
#: Sign-ups that are sent together, by so many clients; the pool of connections is smaller.
MANY, CLIENTS, POOL_SIZE = 60, 12, 4


@dataclass
class Web:
    process: Process
    url: str


@pytest.fixture(params=SERVERS)
def web(request: pytest.FixtureRequest, yard: Processes) -> Web:
    command, told = SERVERS[request.param]
    [port] = free_ports(1)
    listening = ["--port", str(port)] if "uvicorn" in command else []
    environment = {
        "PORT": str(port),
        "SIGNUPS_PER_HOUR": "1000",
        "DATABASE_POOL_SIZE": str(POOL_SIZE),
        **told,
    }
    process = yard.start_command([sys.executable, *command, *listening], environment)
    url = f"http://127.0.0.1:{port}"
    eventually(lambda: answer(f"{url}/livez"), what="an answer from web")
    return Web(process, url)


def in_chunks(*parts: bytes) -> Iterator[bytes]:
    yield from parts


def sessions() -> int:
    """Of the database, beside the test's own."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return int(cursor.fetchone()[0])


async def sign_up_many(url: str) -> list[int]:
    limit = asyncio.Semaphore(CLIENTS)
    async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as client:

        async def sign_up(number: int) -> int:
            async with limit:
                return (await client.post("/signup", json={"email": f"{number}@example.com"})).status_code

        return await asyncio.gather(*map(sign_up, range(MANY)))


def test_a_service_answers_as_described_by_whichever_server(web: Web) -> None:
    with httpx.Client(base_url=web.url, timeout=60, trust_env=False) as client:

        def post(*parts: bytes, **headers: str) -> httpx.Response:
            return client.post(
                "/signup", content=in_chunks(*parts), headers={"Content-Type": "application/json", **headers}
            )

        chunked = post(b'{"email": "ada', b'@example.com"}')
        assert (chunked.status_code, chunked.json()["email"]) == (202, "ada@example.com")
        large = post(b'{"email": "', b"a" * 40_000, b"a" * 40_000, b'"}')
        assert (large.status_code, list(large.json()["errors"])) == (413, ["body"])
        stranger = post(b"{}", Host="elsewhere.example")
        assert (stranger.status_code, list(stranger.json()["errors"])) == (400, ["request"])
        assert client.get("/nowhere").json()["errors"]["path"]
        assert client.get("/admin/login/").status_code == 200
        assert client.get("/readyz").json() == {"ready": True}
    assert asyncio.run(sign_up_many(web.url)) == [202] * MANY
    assert User.objects.count() == Message.objects.count() == MANY + 1
    assert sessions() <= POOL_SIZE
