"""Registering targets, and which of them are told of an event."""

from typing import Any
from uuid import uuid4

import pytest

from app.webhooks.challenge import TARGETS_PER_USER
from app.webhooks.events import record
from app.webhooks.models import Delivery, Kind, Target
from switchyard.pytest_plugin import SentTasks
from tests.app.conftest import Person
from tests.receiver import Receiver


def target_of(person: Person, *kinds: Kind, **columns: Any) -> Target:
    """Another URL each time, unless it is given."""
    columns = {"url": f"http://127.0.0.1/{uuid4()}"} | columns
    return Target.objects.create(owner=person.user, events=list(kinds), **columns)


def told() -> set[Target]:
    return {delivery.target for delivery in Delivery.objects.select_related("target")}


def test_a_registration_answers_with_the_secret_of_the_signature(ada: Person, receiver: Receiver) -> None:
    answer = ada.post("/webhooks", {"url": receiver.url, "events": ["report.done"]})
    assert answer.status_code == 201
    target = Target.objects.get(pk=answer.json()["id"])
    assert answer.json() == {
        "id": target.pk,
        "url": receiver.url,
        "events": ["report.done"],
        "state": "unconfirmed",
        "trouble": "",
        "status_url": f"http://localhost:8000/webhooks/{target.pk}",
        "secret": target.secret,
    }
    assert target.secret.startswith("whsec_")
    assert target.owner == ada.user


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (None, "required"),
        (7, "Expected text, got a number."),
        ("ftp://127.0.0.1/", "http or https"),
        ("/hook", "http or https"),
        ("https://", "http or https"),
        ("http://user:word@127.0.0.1/", "cannot be part"),
        ("http://127.0.0.1/#top", "cannot be part"),
        ("http://127.0.0.1:99999/", "port from 1 to 65535"),
        ("http://127.0.0.1:port/", "Not a URL"),
        ("http://127.0.0.1/" + "a" * 500, "at most 500"),
    ],
)
def test_a_wrong_url_is_refused_with_a_reason(ada: Person, receiver: Receiver, url: Any, reason: str) -> None:
    answer = ada.post("/webhooks", {"url": url, "events": ["report.done"]})
    assert answer.status_code == 400
    assert reason in answer.json()["errors"]["url"][0]


@pytest.mark.parametrize(
    "events", [None, [], "report.done", ["report"], [7], [["report.done"]], ["report.done"] * 2, {"a": 1}]
)
def test_wrong_events_are_refused(ada: Person, receiver: Receiver, events: Any) -> None:
    answer = ada.post("/webhooks", {"url": receiver.url, "events": events})
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["events"]


def test_a_user_has_a_bounded_number_of_targets(ada: Person, receiver: Receiver) -> None:
    for number in range(TARGETS_PER_USER):
        target_of(ada, url=f"http://127.0.0.1/{number}")
    answer = ada.post("/webhooks", {"url": receiver.url, "events": ["report.done"]})
    assert answer.status_code == 400
    assert "as many as are allowed" in answer.json()["errors"]["body"][0]


def test_an_event_is_sent_on_commit_to_each_target_that_wants_it(
    ada: Person, sent_tasks: SentTasks, django_capture_on_commit_callbacks: Any
) -> None:
    wanting = [target_of(ada, Kind.USER_SIGNED_UP), target_of(ada, *Kind)]
    target_of(ada, Kind.REPORT_DONE)
    target_of(ada, Kind.USER_SIGNED_UP, active=False)
    with django_capture_on_commit_callbacks(execute=True):
        record(Kind.USER_SIGNED_UP, {"user_id": 7})
    assert told() == set(wanting)
    assert {(sent.task, sent.queue) for sent in sent_tasks} == {("webhooks.deliver", "io")}
    assert {sent.args[0] for sent in sent_tasks} == {str(key) for key in _keys()}


def test_what_is_somebodys_business_is_told_to_their_targets_and_those_of_staff(
    ada: Person, bob: Person, sent_tasks: SentTasks
) -> None:
    hers, his = target_of(ada, Kind.REPORT_DONE), target_of(bob, Kind.REPORT_DONE)
    record(Kind.REPORT_DONE, {"report_id": "r"}, owner=ada.user)
    assert told() == {hers}
    bob.user.is_staff = True
    bob.user.save()
    record(Kind.REPORT_DONE, {"report_id": "r"}, owner=ada.user)
    assert told() == {hers, his}


def _keys() -> list[Any]:
    return list(Delivery.objects.values_list("pk", flat=True))
