"""What ends in the worker's main process is answered, also when the database cannot be told of it."""

from types import SimpleNamespace
from typing import Any

import pytest
from billiard.einfo import ExceptionInfo
from celery.exceptions import Reject
from celery.worker import state
from celery.worker.request import Request
from django.db import OperationalError
from kombu.message import Message

from app.celery import app
from switchyard.tasks import chords
from switchyard.worker import requeue
from switchyard.worker.request import JournaledRequest
from tests.gallery.tasks import join, part

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gone by the time that the chord is to be told; the result is stored by the same connection before."""

    def away(*_: Any) -> None:
        raise OperationalError("the database is away")

    monkeypatch.setattr(chords, "part_ended", away)
    monkeypatch.setattr(state, "should_terminate", None)


def part_of_a_chord(kind: type[Request]) -> tuple[Request, list[bool]]:
    """A request of a worker's main process, and how it has answered the broker."""
    sent = app.amqp.as_task_v2(
        "one", part.name, ("key", 0, False), {}, group_id="a chord", chord=join.s("sum")
    )
    message = Message(sent.body, delivery_tag=1, headers=sent.headers, properties=sent.properties)
    answers: list[bool] = []

    def answer(_logger: Any, _errors: Any, requeue: bool) -> None:
        answers.append(requeue)

    return kind(message, app=app, task=part, decoded=True, on_reject=answer), answers


def test_a_part_past_its_hard_limit_is_redelivered() -> None:
    request, answers = part_of_a_chord(JournaledRequest)
    request.on_timeout(False, 600)
    assert answers == [True]


def test_stock_celery_answers_nothing_to_the_same_part() -> None:
    """The control: if this fails, Celery has mended it and ours can go."""
    request, answers = part_of_a_chord(Request)
    with pytest.raises(OperationalError):
        request.on_timeout(False, 600)
    assert answers == []


def test_a_part_that_rejects_its_message_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[Any] = []
    hub = SimpleNamespace(
        call_soon=lambda later, seconds, give, message: held.append(message), call_later=None
    )
    monkeypatch.setitem(requeue._worker, "hub", hub)
    request, answers = part_of_a_chord(JournaledRequest)
    with pytest.raises(Reject) as caught:
        raise Reject("not mine", requeue=False)
    request.on_failure(ExceptionInfo((caught.type, caught.value, caught.tb)))
    assert (answers, held) == ([], [request.message])
