"""How long a retry waits that says nothing of it."""

from typing import Any

import pytest
from celery.exceptions import Retry, SoftTimeLimitExceeded

from app.celery import app
from switchyard.outage import BrokerAway
from switchyard.tasks.retries import LONGEST_SECONDS

TASK = app.tasks["gallery.io_wait"]


@pytest.fixture
def third_attempt(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(type(TASK), "retry_jitter", False, raising=False)
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
    assert caught.value.when == LONGEST_SECONDS


@pytest.mark.parametrize(
    ("declared", "seconds"),
    [
        ({"retry_backoff": True}, 4),
        ({"retry_backoff": 1.5}, 4),
        ({"retry_backoff": 10, "retry_backoff_max": 30}, 30),
        ({"retry_backoff": False}, 180),
        ({"default_retry_delay": 7}, 7),
        ({"default_retry_delay": 180}, 180),
        ({"default_retry_delay": 7, "retry_backoff": True}, 7),
    ],
)
def test_a_retry_waits_as_its_task_declares(
    third_attempt: Any,
    sent_tasks: Any,
    monkeypatch: pytest.MonkeyPatch,
    declared: dict[str, Any],
    seconds: int,
) -> None:
    for name, value in declared.items():
        monkeypatch.setattr(type(TASK), name, value, raising=False)
    with pytest.raises(Retry) as caught:
        third_attempt.retry()
    assert (caught.value.when or TASK.default_retry_delay) == seconds
    assert [sent.countdown for sent in sent_tasks] == [seconds]


@pytest.mark.django_db
def test_how_often_one_run_may_be_retried_is_said_for_no_other() -> None:
    ended: list[str] = []

    def run(self: Any, how_often: int | None) -> None:
        if how_often is not None:
            self.retry(max_retries=how_often, exc=KeyError("the first"))
        raise KeyError("the second")

    task = app.task(bind=True, name="gallery.io_says", autoretry_for=(KeyError,), retry_jitter=False)(run)
    try:
        for how_often in (0, None):
            result = task.apply((how_often,), throw=False, retries=0)
            ended.append(str(result.result))
            assert not hasattr(task, "override_max_retries")
    finally:
        app.tasks.pop("gallery.io_says")
    assert ended == ["'the first'", "'the second'"]


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
