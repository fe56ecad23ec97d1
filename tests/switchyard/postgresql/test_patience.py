"""A statement that takes too long is given up, whether the server still answers or not."""

import time

import psycopg
import pytest
from django.db import connection

from switchyard.pooler import connected
from switchyard.postgresql.patience import Impatient
from tests.faults.proxy import Proxy

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE_SECONDS = 0.3


def impatient(**parameters: object) -> Impatient:
    kind = type("Connection", (Impatient,), {"patience_seconds": PATIENCE_SECONDS})
    found = connection.get_connection_params()
    known = {name: found[name] for name in ("dbname", "user", "password", "host", "port") if name in found}
    return kind.connect(**(known | parameters))


def test_a_statement_that_waits_is_given_up_and_the_server_stops_it_too() -> None:
    link = impatient()
    began = time.monotonic()
    with pytest.raises(psycopg.OperationalError, match="WEB_QUERY_SECONDS"):
        link.execute("SELECT pg_sleep(30), 'in vain'")
    assert time.monotonic() - began < 5
    assert link.closed
    with connected() as look:
        running = (
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE %s AND state = 'active' AND pid <> %s"
        )
        found = look.execute(running, ["%in vain%", look.info.backend_pid]).fetchone()
    assert found == (0,)


def test_a_server_that_is_frozen_is_given_up() -> None:
    with Proxy(int(connection.settings_dict["PORT"])) as proxy:
        link = impatient(host="127.0.0.1", port=proxy.port)
        assert link.execute("SELECT 1").fetchone() == (1,)
        proxy.freeze()
        with pytest.raises(psycopg.OperationalError, match="WEB_QUERY_SECONDS"):
            link.execute("SELECT 1")


def test_a_statement_in_time_is_as_ever() -> None:
    with impatient() as link:
        assert link.execute("SELECT pg_sleep(0.15), 1").fetchone() == ("", 1)
