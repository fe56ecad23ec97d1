import socket
from base64 import b64encode
from urllib.parse import urlsplit

import httpx

from app.webhooks.post import signatures
from deploy.local.receiver import REFUSED_EVERY, Deliveries, start_receiver

SECRET = "whsec_" + b64encode(b"s" * 24).decode()
OTHER = "whsec_" + b64encode(b"o" * 24).decode()


def signature(secret: str, key: str, body: bytes) -> str:
    return signatures([secret], key, 7, body)


def test_a_delivery_with_its_key_and_signature_is_accepted() -> None:
    deliveries = Deliveries()
    deliveries.secrets["/hooks/0"] = SECRET
    with start_receiver(deliveries) as url:
        signed = {"webhook-timestamp": "7", "webhook-signature": signature(SECRET, "k", b"{}")}
        headers = {"webhook-id": "k", **signed}
        answer = httpx.post(f"{url}/hooks/0", content=b"{}", headers=headers, trust_env=False)
    assert answer.status_code == 204
    assert list(deliveries.accepted) == ["k"]


def test_a_delivery_with_another_secret_is_a_mistake() -> None:
    deliveries = Deliveries()
    deliveries.secrets["/hooks/0"] = SECRET
    assert deliveries.take("/hooks/0", "k", signature(OTHER, "k", b"{}"), b"{}", "7") == 400
    assert len(deliveries.mistakes) == 1


def test_one_delivery_in_many_is_refused_the_first_time_and_accepted_the_second() -> None:
    deliveries = Deliveries()
    deliveries.secrets["/hooks/0"] = SECRET

    def take(key: int | str) -> int:
        return deliveries.take("/hooks/0", str(key), signature(SECRET, str(key), b"{}"), b"{}", "7")

    statuses = [take(key) for key in range(REFUSED_EVERY)]
    assert statuses.count(500) == 1
    refused = str(statuses.index(500))
    assert take(refused) == 204


def test_a_delivery_that_was_cut_off_in_the_middle_is_no_mistake() -> None:
    deliveries = Deliveries()
    deliveries.secrets["/hooks/0"] = SECRET
    with start_receiver(deliveries) as url:
        address = urlsplit(url)
        with socket.create_connection((address.hostname or "", address.port or 0), timeout=10) as connection:
            connection.sendall(b"POST /hooks/0 HTTP/1.1\r\nwebhook-id: k\r\nContent-Length: 9\r\n\r\n{")
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(1) == b""
    assert (deliveries.mistakes, deliveries.accepted.total()) == ([], 0)
