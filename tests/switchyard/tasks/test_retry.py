"""How long a retry waits that says nothing of it."""

from typing import Any

import pytest
from celery.exceptions import Retry, SoftTimeLimitExceeded

from app.celery import app
from switchyard.outage import BrokerAway

TASK = app.tasks["gallery.io_wait"]


@pytest.fixture
def third_attempt(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(type(TASK), "retry_jitter", False)
    where = {"exchange": "tasks", "routing_key": "io"}
    TASK.push_request(id="one", retries=2, called_directly=False, delivery_info=where, args=["a"], kwargs={})
    yield TASK
    TASK.pop_request()


@pytest.mark.parametrize(("options", "seconds"), [({}, 8), ({"countdown": 3}, 3)])
def test_a_retry_without_a_countdown_backs_off_as_autoretry_does(
    third_attempt: Any, sent_tasks: Any, options: dict[str, int], seconds: int
) -> None:
    with pytest.raises(Retry) as caught:
        third_attempt.retry(**options)
    assert caught.value.when == seconds
    assert [(sent.task_id, sent.queue, sent.countdown) for sent in sent_tasks] == [("one", "io", seconds)]


def test_a_back_off_is_never_longer_than_the_longest(third_attempt: Any, sent_tasks: Any) -> None:
    third_attempt.request.retries = third_attempt.max_retries = 40
    with pytest.raises(Retry) as caught:
        third_attempt.retry(max_retries=50)
    assert caught.value.when == third_attempt.retry_backoff_max


def test_a_time_limit_that_ends_the_wait_for_a_blocked_broker_gives_the_message_back(
    third_attempt: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Celery makes of it a Reject, which dead-letters a task that only asked to be tried again."""

    def blocked(*_: Any, **__: Any) -> None:
        raise SoftTimeLimitExceeded

    monkeypatch.setattr(app, "send_task", blocked)
    with pytest.raises(BrokerAway) as caught:
        third_attempt.retry()
    assert caught.value.requeue
