"""Delivering: signed, once, again after what passes by itself, and no longer than that."""

import json
import time
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from celery.exceptions import Retry
from django.db import connections
from django.utils import timezone

from app.accounts.lease import ClaimHeld
from app.webhooks import post, tasks
from app.webhooks.models import Delivery, Event, Target
from app.webhooks.post import NoAnswer
from app.webhooks.tasks import Unavailable, deliver
from switchyard.pytest_plugin import SentTasks
from tests.app.conftest import Person
from tests.receiver import Receiver


@pytest.fixture
def delivery(ada: Person, receiver: Receiver) -> Delivery:
    target = Target.objects.create(owner=ada.user, url=receiver.url, events=["report.done"])
    event = Event.objects.create(kind="report.done", data={"report_id": "0b0c6d3a"})
    return Delivery.objects.create(event=event, target=target)


def run(delivery: Delivery) -> None:
    """Run the task with its retries, one right after the other."""
    try:
        deliver.apply((str(delivery.pk),)).get()
    finally:
        delivery.refresh_from_db()


def test_a_delivery_is_signed_and_says_what_happened(delivery: Delivery, receiver: Receiver) -> None:
    run(delivery)
    request = receiver.received[0]
    timestamp = int(request.headers["webhook-timestamp"])
    assert abs(timestamp - time.time()) < 60
    assert request.headers["webhook-id"] == str(delivery.pk)
    signed = post.signatures([delivery.target.secret], str(delivery.pk), timestamp, request.body)
    assert request.headers["webhook-signature"] == signed
    assert request.headers["X-Switchyard-Event"] == "report.done"
    assert request.headers["Idempotency-Key"] == str(delivery.pk)
    assert request.headers["Content-Type"] == "application/json"
    assert json.loads(request.body) == {
        "id": str(delivery.pk),
        "kind": "report.done",
        "occurred_at": delivery.event.occurred_at.isoformat(),
        "data": {"report_id": "0b0c6d3a"},
    }


@pytest.mark.parametrize("status", [200, 204, 302, 404])
def test_a_finished_delivery_is_not_sent_again(delivery: Delivery, receiver: Receiver, status: int) -> None:
    receiver.answers = [status]
    run(delivery)
    run(delivery)
    assert len(receiver.received) == 1


@pytest.mark.parametrize("status", [500, 503, 408, 425, 429])
def test_a_target_that_is_unavailable_is_tried_again_under_the_same_key(
    delivery: Delivery, receiver: Receiver, status: int
) -> None:
    receiver.answers = [status]
    run(delivery)
    assert (delivery.state, delivery.attempts, delivery.last_status) == ("delivered", 2, 204)
    assert delivery.last_error == ""
    assert len({request.headers["Idempotency-Key"] for request in receiver.received}) == 1
    assert len({request.body for request in receiver.received}) == 1


@pytest.mark.parametrize("status", [301, 302, 400, 401, 404, 410])
def test_an_answer_that_trying_again_would_not_change_is_the_end_and_no_failure(
    delivery: Delivery, receiver: Receiver, status: int
) -> None:
    receiver.answers = [status]
    run(delivery)
    assert (delivery.state, delivery.last_status) == ("refused", status)
    assert delivery.last_error == f"The target answered {status}."
    assert len(receiver.received) == 1


def test_after_the_last_attempt_the_delivery_is_failed_and_the_message_too(
    delivery: Delivery, receiver: Receiver
) -> None:
    receiver.answers = [500] * 20
    with pytest.raises(Unavailable, match="answered 500"):
        run(delivery)
    assert len(receiver.received) == 1 + deliver.max_retries
    assert (delivery.state, delivery.last_error) == ("failed", "The target answered 500.")


def test_a_failed_delivery_whose_message_is_replayed_is_sent(delivery: Delivery, receiver: Receiver) -> None:
    Delivery.objects.update(state="failed")
    run(delivery)
    assert delivery.state == "delivered"


def test_the_next_attempt_waits_in_the_same_queue(
    delivery: Delivery, receiver: Receiver, sent_tasks: SentTasks
) -> None:
    receiver.answers = [503]
    deliver.push_request(id="m", args=[str(delivery.pk)], kwargs={}, retries=3, called_directly=False)
    try:
        with pytest.raises(Retry):
            deliver.run(str(delivery.pk))
    finally:
        deliver.pop_request()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.last_error) == ("waiting", "The target answered 503.")
    (sent,) = sent_tasks
    assert (sent.task, sent.queue, sent.args) == ("webhooks.deliver", "io", [str(delivery.pk)])
    assert sent.countdown is None or 0 <= sent.countdown <= 80


def test_a_target_that_is_away_fails_after_the_last_attempt(delivery: Delivery, receiver: Receiver) -> None:
    Target.objects.update(url="http://127.0.0.1:1/hook")
    with pytest.raises(NoAnswer, match="ConnectError"):
        run(delivery)
    assert (delivery.state, delivery.last_status) == ("failed", None)


def drip(request: BaseHTTPRequestHandler) -> None:
    """A header byte now and then, so that no single read ever times out."""
    try:
        for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"z" * 4000:
            request.wfile.write(bytes([byte]))
            time.sleep(0.02)
    except OSError:
        request.close_connection = True


def test_a_target_that_answers_byte_by_byte_is_left_in_time(
    delivery: Delivery, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(post, "TOTAL_SECONDS", 0.2)
    receiver.answers = [drip]
    started = time.monotonic()
    run(delivery)
    assert time.monotonic() - started < 40
    assert (delivery.state, delivery.attempts) == ("delivered", 2)


def test_a_request_ends_before_its_task_is_stopped() -> None:
    assert deliver.soft_time_limit > post.TOTAL_SECONDS


def test_a_delivery_that_somebody_else_is_sending_is_left_to_them(
    delivery: Delivery, receiver: Receiver
) -> None:
    Delivery.objects.update(claimed_at=timezone.now())
    with pytest.raises(ClaimHeld):
        run(delivery)
    assert not receiver.received


def test_a_run_that_fails_late_does_not_undo_what_another_one_finished(
    delivery: Delivery, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def finished_meanwhile(_: Delivery) -> int:
        Delivery.objects.update(state="delivered")
        raise NoAnswer("late")

    monkeypatch.setattr(tasks, "post", finished_meanwhile)
    run(delivery)
    assert delivery.state == "delivered"


def test_a_target_that_is_switched_off_is_sent_nothing(delivery: Delivery, receiver: Receiver) -> None:
    Target.objects.update(active=False)
    run(delivery)
    assert (delivery.state, delivery.last_error) == ("refused", "The target is switched off.")
    assert not receiver.received


@pytest.mark.django_db(transaction=True)
def test_no_database_connection_is_held_while_the_target_is_waited_for(
    delivery: Delivery, receiver: Receiver
) -> None:
    held: list[bool] = []
    ours = connections["default"]

    def look(request: BaseHTTPRequestHandler) -> None:
        held.append(ours.connection is not None)
        request.send_error(404)

    receiver.answers = [look]
    run(delivery)
    assert held == [False]


def test_a_delivery_that_was_deleted_is_nothing_to_do(db: None, sent_tasks: SentTasks) -> None:
    deliver.apply(("0b0c6d3a-0000-4000-8000-000000000000",)).get()
    assert not sent_tasks


#: Of the specification's own libraries.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
VECTOR = ("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_signature_is_the_one_of_the_standard_and_covers_the_time() -> None:
    assert post.signatures([SECRET], *VECTOR) == SIGNATURE
    name, timestamp, body = VECTOR
    assert post.signatures([SECRET], name, timestamp + 1, body) != SIGNATURE


def test_during_a_rotation_both_secrets_sign(ada: Person, delivery: Delivery, receiver: Receiver) -> None:
    before = delivery.target.secret
    answer = ada.post(f"/webhooks/{delivery.target_id}/secret", {})
    run(Delivery.objects.get(pk=delivery.pk))
    request = receiver.received[0]
    timestamp = int(request.headers["webhook-timestamp"])
    both = [answer.json()["secret"], before]
    signed = post.signatures(both, str(delivery.pk), timestamp, request.body)
    assert request.headers["webhook-signature"] == signed


def fails(delivery: Delivery) -> int:
    """How often it was tried."""
    with pytest.raises(Unavailable):
        run(Delivery.objects.get(pk=delivery.pk))
    return Delivery.objects.get(pk=delivery.pk).attempts


def test_a_target_that_fails_for_days_is_tried_less_and_then_switched_off(
    delivery: Delivery, receiver: Receiver, sent_tasks: SentTasks, django_capture_on_commit_callbacks: Any
) -> None:
    receiver.answers = [500] * 100
    target = Target.objects.filter(pk=delivery.target_id)
    assert fails(delivery) == 1 + deliver.max_retries
    assert target.get().failing_since
    target.update(failing_since=timezone.now() - tasks.PATIENCE * 2)
    assert fails(delivery) == 1 + deliver.max_retries + 1
    target.update(failing_since=timezone.now() - tasks.GIVEN_UP_AFTER * 2)
    with django_capture_on_commit_callbacks(execute=True):
        fails(delivery)
    assert target.get().state == "disabled"
    assert [sent.task for sent in sent_tasks if sent.task == "webhooks.tell_owner"] == ["webhooks.tell_owner"]


def test_a_delivery_that_comes_through_clears_the_past(delivery: Delivery, receiver: Receiver) -> None:
    Target.objects.update(failing_since=timezone.now() - tasks.GIVEN_UP_AFTER * 2)
    run(Delivery.objects.get(pk=delivery.pk))
    assert Target.objects.get().failing_since is None
