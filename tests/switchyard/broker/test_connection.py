"""A broker that lets nobody in, or does not do what is asked, is told apart by what mends it."""

import socket
import ssl
from collections.abc import Iterator
from threading import Thread
from typing import Any

import pytest
from amqp.exceptions import AccessRefused, NotAllowed

from switchyard.broker import connection
from switchyard.outage import NotYet, Unavailable


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.fixture(params=["pyamqp", "amqps"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(autouse=True)
def at_the_listener(
    listener: socket.socket, scheme: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """BROKER_URL, as the settings have it. The broker's own time-out is 3 s."""
    settings.CELERY_BROKER_URL = f"{scheme}://user:secret@127.0.0.1:{listener.getsockname()[1]}/v"
    settings.CELERY_BROKER_USE_SSL = {"server_hostname": None} if scheme == "amqps" else False
    monkeypatch.setattr(connection, "CONNECT_SECONDS", 0.5)


def refusal() -> str:
    with pytest.raises(NotYet) as refused:
        connection.opened()
    assert "secret" not in str(refused.value)
    return str(refused.value)


def test_a_peer_that_says_nothing_is_given_up_in_time() -> None:
    """In the handshake of TLS, and in that of AMQP."""
    assert "timed out" in refusal()


@pytest.mark.parametrize("scheme", ["amqps"], indirect=True)
def test_tls_to_a_port_without_it_names_tls(listener: socket.socket) -> None:
    Thread(target=answer_in_plain, args=(listener,), daemon=True).start()
    assert "do not agree on TLS" in refusal()


def answer_in_plain(listener: socket.socket) -> None:
    for _ in range(2):
        peer, _address = listener.accept()
        with peer:
            peer.recv(1000)
            peer.sendall(b"AMQP\x00\x00\x09\x01")


@pytest.mark.parametrize("scheme", ["pyamqp"], indirect=True)
@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (
            AccessRefused("Login was refused using authentication PLAIN"),
            Unavailable,
            "wrong name or password",
        ),
        (
            AccessRefused("access to queue 'io.dead' in vhost 'v' refused for user 'u'"),
            Unavailable,
            "queue 'io.dead' in vhost 'v' refused for user 'u'). Grant the user that right",
        ),
        (NotAllowed("access to vhost 'v' refused for user 'u'"), Unavailable, "no vhost"),
        (NotAllowed("vhost 'v' connection limit (1) is reached"), NotYet, "have the limit raised"),
        (NotAllowed("the maximum allowed user limit of 1"), NotYet, "have the limit raised"),
        (ssl.SSLCertVerificationError("self-signed certificate"), NotYet, "SSL_CERT_FILE"),
        (ConnectionRefusedError("refused"), NotYet, "did not answer (refused). Start it"),
    ],
)
def test_each_refusal_says_what_mends_it(error: Exception, kind: type[Any], words: str) -> None:
    said = connection.explained(error)
    assert isinstance(said, kind)
    assert words in str(said)
