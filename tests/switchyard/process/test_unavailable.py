"""A request that met a server which is away is answered 503; what is its own fault stays a 500."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dj_database_url
import pytest
from django.core.signals import got_request_exception
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from psycopg_pool import PoolTimeout

from app import urls
from deploy.local.postgres import Postgres, start_postgres
from switchyard.outage import NotPublished
from switchyard.process.unavailable import RETRY_AFTER_SECONDS
from tests.database_entry import changed

#: A server that was made read-only under its clients, as a standby is.
STANDBY = "SET default_transaction_read_only = on"
#: What a statement itself is to blame for.
OWN_FAULTS = {
    "statement time-out": "SET LOCAL statement_timeout = 1; SELECT pg_sleep(1)",
    "lock time-out": "DO $$ BEGIN RAISE 'lock timeout' USING ERRCODE = '55P03'; END $$",
    "read-only by choice": "SET TRANSACTION READ ONLY; CREATE TABLE nothing ()",
    "no such table": "SELECT * FROM nothing",
}


def run(request: HttpRequest) -> HttpResponse:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(request.GET.get("sql", "SELECT 1"))
    return HttpResponse()


def wait(_: HttpRequest) -> HttpResponse:
    with connection.wrap_database_errors:
        raise PoolTimeout("couldn't get a connection after 5.00 sec")


def send(_: HttpRequest) -> HttpResponse:
    raise ValueError("what the view says of it") from NotPublished("connection refused")


def middleware(get_response: Any) -> Any:
    """Looks into the database before each view."""

    def look(request: HttpRequest) -> Any:
        run(request)
        return get_response(request)

    return look


urlpatterns = [path("run", run), path("wait", wait), path("send", send)]
handler500 = urls.handler500


@pytest.fixture
def client(settings: Any, transactional_db: None) -> Iterator[Client]:
    settings.ROOT_URLCONF = __name__
    yield Client(raise_request_exception=False)
    connection.close()


@pytest.fixture
def reported() -> Iterator[list[Any]]:
    """What listens where Sentry and its like do."""
    heard: list[Any] = []

    def hear(**sent: Any) -> None:
        heard.append(sent["request"].path)

    got_request_exception.connect(hear)
    yield heard
    got_request_exception.disconnect(hear)


@pytest.fixture
def server(tmp_path: Path, transactional_db: None) -> Iterator[Postgres]:
    """A server of the test's own in the place of the run's."""
    with start_postgres(tmp_path / "postgres") as own, changed() as database:
        database.update(dj_database_url.parse(own.url, engine=database["ENGINE"]), CONN_MAX_AGE=60)
        yield own


def assert_unavailable(answer: Any, what: str) -> None:
    assert (answer.status_code, answer["Retry-After"]) == (503, str(RETRY_AFTER_SECONDS))
    assert list(answer.json()["errors"]) == [what]


def test_a_database_that_is_stopped_is_503_until_it_is_there_again(
    client: Client, server: Postgres, reported: list[Any], settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    assert client.get("/run").status_code == 200
    server.stop()
    for _ in ("the connection that was open", "a new one"):
        assert_unavailable(client.get("/run"), "database")
    page = client.get("/run", headers={"Accept": "text/html,*/*;q=0.8"})
    assert (page.status_code, page["Content-Type"]) == (503, "text/html; charset=utf-8")
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.middleware"]
    assert_unavailable(Client(raise_request_exception=False).get("/run"), "database")
    assert reported == ["/run"] * 4
    logged = [record for record in caplog.records if record.name == "django.request"]
    assert [record.levelname for record in logged] == ["ERROR"] * 4
    assert all(record.exc_info for record in logged)
    server.start()
    assert client.get("/run").status_code == 200


def test_a_server_that_takes_no_writes_is_503(client: Client) -> None:
    connection.ensure_connection()
    connection.connection.execute(STANDBY)
    assert_unavailable(client.get("/run", {"sql": "CREATE TABLE nothing ()"}), "database")


def test_a_full_pool_is_503(client: Client) -> None:
    assert_unavailable(client.get("/wait"), "database")


def test_a_broker_that_is_away_is_503(client: Client) -> None:
    assert_unavailable(client.get("/send"), "broker")


@pytest.mark.parametrize("sql", OWN_FAULTS.values(), ids=OWN_FAULTS)
def test_what_a_statement_is_to_blame_for_stays_500(client: Client, sql: str) -> None:
    answer = client.get("/run", {"sql": sql})
    assert (answer.status_code, answer.headers.get("Retry-After")) == (500, None)
