"""Where a webhook may go: to the public internet, whatever a name says the second time."""

import socket
import ssl
from ipaddress import ip_address
from threading import Thread
from typing import Any

import pytest

from app.webhooks.addresses import TargetPrivate, TargetUnresolved, is_public, resolve
from app.webhooks.models import Delivery, Event, Target
from app.webhooks.post import NoAnswer, post
from app.webhooks.tasks import deliver
from tests.app.conftest import Person
from tests.receiver import Receiver

PUBLIC = "93.184.215.14"


class Names:
    """A resolver: each name has a list of answers, of which the last is repeated. Counts what was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, list[list[str]]] = {}
        self.asked: list[str] = []

    def getaddrinfo(self, host: Any, port: Any, *_args: Any, **_options: Any) -> list[Any]:
        self.asked.append(host)
        answers = self.answers.get(host, [])
        if not answers:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    names = Names()
    monkeypatch.setattr(socket, "getaddrinfo", names.getaddrinfo)
    return names


def delivery_to(person: Person, url: str) -> Delivery:
    target = Target.objects.create(owner=person.user, url=url, events=["report.done"])
    event = Event.objects.create(kind="report.done", data={"report_id": "r"})
    return Delivery.objects.create(event=event, target=target)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "224.0.1.1", "240.0.0.1",
        "255.255.255.255", "0.0.0.0", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff0e::1",  # noqa: S104
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::",
        "2001:0:7f00:1::1",
    ],
)  # fmt: skip
def test_addresses_inside_a_network_are_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"])
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "0x7f000001", "2130706433", "127.1"])
def test_this_machine_is_refused_however_it_is_spelled(host: str) -> None:
    with pytest.raises((TargetPrivate, TargetUnresolved)):
        resolve(host, 80)


def test_one_private_address_among_many_is_enough(names: Names) -> None:
    names.answers["mixed.example"] = [[PUBLIC, "10.0.0.1"]]
    with pytest.raises(TargetPrivate, match=r"resolves to 10\.0\.0\.1"):
        resolve("mixed.example", 443)


def test_private_targets_are_allowed_when_the_setting_says_so(settings: Any) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE = True
    assert resolve("127.0.0.1", 80) == ["127.0.0.1"]


def test_a_private_target_cannot_be_registered(ada: Person) -> None:
    for host in ("127.0.0.1", "[::1]", "[::ffff:10.0.0.1]", "169.254.169.254"):
        answer = ada.post("/webhooks", {"url": f"http://{host}/hook", "events": ["report.done"]})
        assert answer.status_code == 400
        assert "not on the public internet" in answer.json()["errors"]["url"][0]
    assert not Target.objects.exists()


def test_a_name_that_turns_private_after_its_registration_is_refused_at_delivery(
    ada: Person, names: Names, receiver: Receiver, settings: Any
) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE = False
    names.answers["rebind.example"] = [["127.0.0.1"]]
    delivery = delivery_to(ada, f"http://rebind.example:{receiver.port}/hook")
    deliver.apply((str(delivery.pk),)).get()
    delivery.refresh_from_db()
    assert delivery.state == "refused"
    assert "127.0.0.1, which is not on the public internet" in delivery.last_error
    assert not receiver.received


def test_a_name_is_asked_once_and_the_checked_address_is_the_one_that_is_connected_to(
    ada: Person, names: Names, receiver: Receiver
) -> None:
    names.answers["hook.example"] = [["127.0.0.1"], ["192.0.2.1"]]
    delivery = delivery_to(ada, f"http://hook.example:{receiver.port}/hook")
    deliver.apply((str(delivery.pk),)).get()
    assert names.asked.count("hook.example") == 1
    assert [request.headers["Host"] for request in receiver.received] == [f"hook.example:{receiver.port}"]


def test_a_name_that_does_not_resolve_is_tried_again(ada: Person, names: Names, receiver: Receiver) -> None:
    delivery = delivery_to(ada, f"http://late.example:{receiver.port}/hook")
    with pytest.raises(TargetUnresolved):
        deliver.apply((str(delivery.pk),)).get()
    names.answers["late.example"] = [["127.0.0.1"]]
    deliver.apply((str(delivery.pk),)).get()
    assert len(receiver.received) == 1


def test_a_certificate_is_asked_for_by_the_name_and_not_by_the_address(
    ada: Person, names: Names, receiver: Receiver
) -> None:
    names.answers["hook.example"] = [["127.0.0.1"]]
    asked: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        listener = Thread(target=_note_server_name, args=(server, asked))
        listener.start()
        delivery = delivery_to(ada, f"https://hook.example:{server.getsockname()[1]}/hook")
        with pytest.raises(NoAnswer):
            post(delivery)
        listener.join()
    assert asked == ["hook.example"]


def _note_server_name(server: socket.socket, asked: list[str]) -> None:
    """Take one connection up to where a certificate would have to be shown."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    connection, _ = server.accept()
    with connection, pytest.raises(ssl.SSLError):
        context.wrap_socket(connection, server_side=True)
