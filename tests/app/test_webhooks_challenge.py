"""A URL is told of nothing before it has said yes, and nobody can have a stranger called often."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from app.webhooks import challenge
from app.webhooks.events import record
from app.webhooks.models import Delivery, Event, Kind, Target
from app.webhooks.tasks import confirm, purge
from tests.app.conftest import Person
from tests.receiver import Receiver

EVENTS = [Kind.REPORT_DONE]


def registered(person: Person, url: str) -> Target:
    answer = person.post("/webhooks", {"url": url, "events": EVENTS})
    assert answer.status_code == 201, answer.content
    return Target.objects.get(pk=answer.json()["id"])


def test_no_request_waits_for_a_name(
    ada: Person, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*_: Any, **__: Any) -> None:
        raise AssertionError("a request has looked up a name")

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    target = registered(ada, "http://silent.example/hook")
    assert target.state == "unconfirmed"
    with pytest.raises(AssertionError, match="looked up"):
        confirm.apply((target.pk,), throw=True)


def test_a_target_that_answers_its_challenge_is_told_from_then_on(ada: Person, receiver: Receiver) -> None:
    target = registered(ada, receiver.url)
    record(Kind.REPORT_DONE, {"report_id": "r"}, owner=ada.user)
    assert not Delivery.objects.exists()
    confirm.apply((target.pk,)).get()
    assert ada.get(f"/webhooks/{target.pk}").json()["state"] == "confirmed"
    record(Kind.REPORT_DONE, {"report_id": "r"}, owner=ada.user)
    assert Delivery.objects.count() == 1


def test_who_does_not_say_yes_is_sent_nothing_and_makes_room(ada: Person, receiver: Receiver) -> None:
    receiver.says_yes = False
    target = registered(ada, receiver.url)
    confirm.apply((target.pk,)).get()
    told = ada.get(f"/webhooks/{target.pk}").json()
    assert (told["state"], "did not answer" in told["trouble"]) == ("unconfirmed", True)
    Target.objects.update(created_at=timezone.now() - timedelta(days=2))
    purge.apply(throw=True)
    assert not Target.objects.exists()


def test_a_name_that_leads_into_our_network_is_said_by_its_state(ada: Person, settings: Any) -> None:
    target = registered(ada, "http://localhost/hook")
    confirm.apply((target.pk,)).get()
    assert "not on the public internet" in ada.get(f"/webhooks/{target.pk}").json()["trouble"]


def test_a_url_is_entered_once_by_each_user(ada: Person, bob: Person, receiver: Receiver) -> None:
    registered(ada, receiver.url)
    again = ada.post("/webhooks", {"url": receiver.url, "events": EVENTS})
    assert (again.status_code, again.json()["errors"]["body"]) == (
        400,
        ["You have a target with this URL already."],
    )
    registered(bob, receiver.url)


def test_a_host_is_told_by_so_many_whoever_they_are(
    ada: Person, bob: Person, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(challenge, "TARGETS_PER_HOST", 2)
    registered(ada, f"{receiver.url}/1")
    registered(bob, f"{receiver.url}/2")
    third = bob.post("/webhooks", {"url": receiver.url.upper().replace("HTTP", "http"), "events": EVENTS})
    assert "The host 127.0.0.1 has 2 targets" in third.json()["errors"]["body"][0]


@pytest.mark.django_db(transaction=True)
def test_two_requests_at_once_do_not_both_get_the_last_place(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(challenge, "TARGETS_PER_USER", 3)

    def register(number: int) -> bool:
        try:
            challenge.register(ada.user, f"http://a.example/{number}", "a.example", [])
        except challenge.NoPlace:
            return False
        finally:
            connections.close_all()
        return True

    with ThreadPoolExecutor(8) as clients:
        assert sum(clients.map(register, range(8))) == 3


def test_somebody_elses_target_is_not_found(ada: Person, bob: Person, receiver: Receiver) -> None:
    target = registered(ada, receiver.url)
    assert bob.get(f"/webhooks/{target.pk}").status_code == 404
    assert bob.post(f"/webhooks/{target.pk}/secret", {}).status_code == 404


def test_what_was_told_long_ago_is_deleted(ada: Person, settings: Any) -> None:
    settings.KEEP_EVENTS_DAYS = 30
    target = Target.objects.create(owner=ada.user, url="http://a.example/", events=EVENTS)
    ages = [timedelta(days=days) for days in (1, 29, 31, 365)]
    for age in ages:
        event = Event.objects.create(kind=Kind.REPORT_DONE, occurred_at=timezone.now() - age)
        Delivery.objects.create(event=event, target=target)
        Delivery.objects.filter(event=event).update(created_at=event.occurred_at)
    purge.apply(throw=True)
    assert (Event.objects.count(), Delivery.objects.count()) == (2, 2)


def test_the_next_address_of_a_name_is_tried(ada: Person, receiver: Receiver, monkeypatch: Any) -> None:
    """The first refuses: 127.0.0.2 has nobody on that port."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, 0)) for host in ("127.0.0.2", "127.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    target = registered(ada, f"http://two.example:{receiver.port}/hook")
    began = time.monotonic()
    confirm.apply((target.pk,)).get()
    assert Target.objects.get().state == "confirmed"
    assert time.monotonic() - began < 10
