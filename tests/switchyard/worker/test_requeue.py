"""A message that is given back waits longer each time, and is not given back for ever."""

from types import SimpleNamespace
from typing import Any

import pytest
from billiard.einfo import ExceptionInfo
from django_celery_results.models import TaskResult
from kombu.message import Message

from app.celery import app
from switchyard.outage import BrokerAway
from switchyard.worker import requeue
from switchyard.worker.request import JournaledRequest

TASK = "gallery.io_wait"


def test_it_is_held_longer_each_time_and_never_longer_than_the_longest() -> None:
    holds = [requeue.hold_of(returns) for returns in range(requeue.MOST_RETURNS + 1)]
    assert holds[:2] == [requeue.HOLD_SECONDS, 2 * requeue.HOLD_SECONDS]
    assert holds == sorted(holds)
    assert holds[-1] == requeue.LONGEST_HOLD_SECONDS


@pytest.fixture
def given_back(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The messages that the worker's loop was told to give back."""
    found: list[Any] = []
    hub = SimpleNamespace(call_soon=lambda later, seconds, give, held: found.append(held), call_later=None)
    monkeypatch.setitem(requeue._worker, "hub", hub)
    return found


def fails_to_send(returns: int) -> tuple[Message, list[bool]]:
    """A task's message that was given back so often, and how the worker answers it this time."""
    sent = app.amqp.as_task_v2("one", TASK, ("key",), {})
    headers = sent.headers | {"x-acquired-count": returns}
    found = Message(sent.body, delivery_tag=1, headers=headers, properties=sent.properties)
    rejected: list[bool] = []
    answers = {"on_reject": lambda _logger, _errors, requeue: rejected.append(requeue)}
    request = JournaledRequest(found, app=app, task=app.tasks[TASK], decoded=True, **answers)
    with pytest.raises(BrokerAway) as caught:
        raise BrokerAway("no queue wanted it")
    request.on_failure(ExceptionInfo((caught.type, caught.value, caught.tb)))
    return found, rejected


@pytest.mark.django_db
def test_it_is_given_back_so_often_and_then_dead_lettered_with_the_reason(given_back: list[Any]) -> None:
    found, rejected = fails_to_send(requeue.MOST_RETURNS - 1)
    assert (given_back, rejected) == ([found], [])
    assert not TaskResult.objects.exists()
    _, rejected = fails_to_send(requeue.MOST_RETURNS)
    assert (given_back, rejected) == ([found], [False])
    kept = TaskResult.objects.get(task_id="one", status="FAILURE").result
    assert "StillRefused" in kept
    assert "no queue wanted it" in kept
