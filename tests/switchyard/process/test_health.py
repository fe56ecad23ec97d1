"""Probes answer by whatever address they are asked, and readiness follows the database alone."""

import pytest
from django.db import OperationalError, connection

PROBE = {"headers": {"host": "10.1.2.3:8000"}}


def test_livez_answers_without_a_database_and_by_any_host(client) -> None:
    response = client.get("/livez", **PROBE)
    assert (response.status_code, response.json()) == (200, {"alive": True})


@pytest.mark.django_db
def test_readyz_is_ready_while_the_database_answers(client) -> None:
    response = client.get("/readyz", **PROBE)
    assert (response.status_code, response.json()) == (200, {"ready": True})


@pytest.mark.django_db
def test_readyz_is_503_while_the_database_is_away(client, monkeypatch) -> None:
    def refuse() -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(connection, "ensure_connection", refuse)
    response = client.get("/readyz", **PROBE)
    assert (response.status_code, response.json()) == (503, {"ready": False, "database": "OperationalError"})


def test_readyz_is_503_on_a_server_that_takes_no_writes_and_leaves_it(client, transactional_db) -> None:
    connection.ensure_connection()
    connection.connection.execute("SET default_transaction_read_only = on")
    response = client.get("/readyz", **PROBE)
    said = "takes no writes, or does not answer"
    assert (response.status_code, response.json()) == (503, {"ready": False, "database": said})
    assert client.get("/readyz", **PROBE).status_code == 200


def test_any_other_path_is_for_allowed_hosts_only(client) -> None:
    assert client.get("/anything", **PROBE).status_code == 400
