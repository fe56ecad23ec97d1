"""How long each server's certificate is still good for, asked of servers that speak TLS."""

from datetime import timedelta
from pathlib import Path
from socket import create_server
from types import SimpleNamespace

import pytest
from django.db import connection

from switchyard.metrics import certificates
from switchyard.metrics.certificates import Place, places, read_certificates, seconds_left
from tests.certificates import Authority, listening, serving

DAY = 24 * 3600.0
PAST, SOON, LATE = timedelta(days=-9), timedelta(days=3), timedelta(days=300)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def at(port: int, authority: Path | str = "", request: bytes = b"") -> Place:
    return Place("broker", "127.0.0.1", port, str(authority), request)


@pytest.mark.parametrize("reply", [b"", b"S"], ids=["TLS from the start", "as PostgreSQL"])
def test_a_certificate_says_when_it_expires(authority: Authority, reply: bytes) -> None:
    request = certificates._SSL_REQUEST if reply else b""
    context = serving(authority.signed(f"soon{len(reply)}", begins=PAST, ends=SOON))
    with listening(context, reply) as port:
        left = seconds_left(at(port, authority.certificate, request))
    assert left == pytest.approx(3 * DAY, abs=120)


def test_one_that_has_expired_has_nothing_left(authority: Authority) -> None:
    with listening(serving(authority.signed("expired", begins=PAST, ends=timedelta(days=-1)))) as port:
        assert seconds_left(at(port, authority.certificate)) == 0.0


def test_one_of_a_stranger_is_left_out(authority: Authority) -> None:
    with listening(serving(authority.signed("late", begins=PAST, ends=LATE))) as port:
        assert seconds_left(at(port)) is None


def test_who_is_away_silent_or_speaks_no_tls_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificates, "CONNECT_SECONDS", 0.3)
    with listening(None) as silent, listening(None, b"N") as plain, create_server(("127.0.0.1", 0)) as gone:
        away = gone.getsockname()[1]
        gone.close()
        assert [seconds_left(at(port)) for port in (silent, away)] == [None, None]
        assert seconds_left(at(plain, request=certificates._SSL_REQUEST)) is None


def test_of_several_servers_the_first_to_expire_counts(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = serving(authority.signed("first", begins=PAST, ends=SOON))
    late = serving(authority.signed("second", begins=PAST, ends=LATE))
    with listening(late) as one, listening(soon) as two:
        both = [at(one, authority.certificate), at(two, authority.certificate)]
        monkeypatch.setattr(certificates, "places", lambda: both)
        assert read_certificates() == {"broker": pytest.approx(3 * DAY, abs=120)}


def test_the_servers_are_those_of_the_settings_that_speak_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    database = {"host": "one,two", "port": "5432,5433", "sslmode": "verify-full", "sslrootcert": "/ca.pem"}
    monkeypatch.setattr(connection, "get_connection_params", lambda: database)
    monkeypatch.setattr(certificates.conf, "BROKER_MANAGEMENT_URL", "https://broker", raising=False)
    urls = "amqps://a:b@rabbit:5679/v;amqps://other/v;pyamqp://plain/v"
    said = SimpleNamespace(broker_url=urls, broker_use_ssl=None)
    monkeypatch.setattr(certificates, "attached", lambda: SimpleNamespace(conf=said))
    request = certificates._SSL_REQUEST
    assert places() == [
        Place("broker", "rabbit", 5679),
        Place("broker", "other", 5671),
        Place("broker management", "broker", 443),
        Place("database", "one", 5432, "/ca.pem", request),
        Place("database", "two", 5433, "/ca.pem", request),
    ]


@pytest.mark.parametrize("mode", ["disable", "prefer", "require"])
def test_a_certificate_that_no_client_compares_is_not_looked_at(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "get_connection_params", lambda: {"host": "one", "sslmode": mode})
    assert [place for place in places() if place.server == "database"] == []
