"""A chord whose parts run twice, as they do after a lost worker, sends its body once all parts are there."""

from collections.abc import Iterator

import pytest
from celery import chord, group
from celery.app.task import Context
from django_celery_results.backends.database import DatabaseBackend
from django_celery_results.models import ChordCounter, TaskResult
from kombu.exceptions import OperationalError

from app.celery import app
from switchyard.outbox.compression import LARGEST_BODY_BYTES
from switchyard.outbox.errors import ChordRefused, MessageTooLarge
from switchyard.tasks.models import Chord
from switchyard.tasks.results import ResultBackend
from tests.gallery.tasks import join, part

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def backend_of_the_app() -> Iterator[None]:
    """A chord is noted by the app's backend, which a test may have put another in the place of."""
    ours = app.backend
    yield
    app._local.backend = ours


class SentChord:
    """A chord that was sent, and whose parts return in the order in which a test says."""

    def __init__(self, backend, sent_tasks) -> None:
        self.backend = backend
        self.sent = sent_tasks
        app._local.backend = backend
        body = join.s("sum").set(task_id="body")
        chord(group(part.s("a", 0, False), part.s("b", 0, False)))(body)
        parts = [message.task_id for message in sent_tasks]
        sent_tasks.clear()
        ours = Chord.objects.values_list("group_id", flat=True)
        [group_id] = ours or ChordCounter.objects.values_list("group_id", flat=True)
        self.requests = {
            name: Context(id=task_id, group=group_id, chord=dict(body), task="gallery.cpu_part")
            for name, task_id in zip("ab", parts, strict=True)
        }

    def part_returns(self, name: str) -> None:
        request = self.requests[name]
        self.backend.store_result(request.id, name, "SUCCESS", request=request)
        self.backend.on_chord_part_return(request, "SUCCESS", name)

    def part_fails(self, name: str) -> None:
        request = self.requests[name]
        self.backend.store_result(request.id, ValueError(name), "FAILURE", request=request)
        self.backend.on_chord_part_return(request, "FAILURE", ValueError(name))

    def bodies(self) -> list:
        return [(message.task, message.task_id, message.args) for message in self.sent]


BODY = ("gallery.cpu_join", "body", [["a", "b"], "sum"])


def test_the_body_is_sent_once_after_the_last_part(sent_tasks) -> None:
    sent = SentChord(ResultBackend(app=app), sent_tasks)
    sent.part_returns("b")
    assert sent.bodies() == []
    sent.part_returns("a")
    assert sent.bodies() == [BODY]
    sent.part_returns("a")
    assert sent.bodies() == [BODY]


def test_a_part_that_returns_twice_neither_hurries_nor_loses_the_body(sent_tasks) -> None:
    sent = SentChord(ResultBackend(app=app), sent_tasks)
    sent.part_returns("a")
    sent.part_returns("a")
    assert sent.bodies() == []
    sent.part_returns("b")
    assert sent.bodies() == [BODY]


def test_the_stock_backend_loses_the_body_of_the_same_chord(sent_tasks) -> None:
    """The control: if this fails, django-celery-results has mended it and ours can go."""
    sent = SentChord(DatabaseBackend(app=app), sent_tasks)
    sent.part_returns("a")
    sent.part_returns("a")
    sent.part_returns("b")
    assert sent.bodies() == []


def test_a_body_that_could_not_be_sent_is_sent_when_the_part_runs_again(sent_tasks, monkeypatch) -> None:
    sent = SentChord(ResultBackend(app=app), sent_tasks)
    sent.part_returns("a")
    with monkeypatch.context() as patch:
        patch.setattr(app.amqp, "send_task_message", broker_is_away)
        with pytest.raises(OperationalError):
            sent.part_returns("b")
    sent.part_returns("b")
    assert sent.bodies() == [BODY]


def broker_is_away(*_args, **_options) -> None:
    raise ConnectionError("the broker is away")


def test_a_part_that_failed_for_good_fails_the_body_with_its_reason(sent_tasks) -> None:
    sent = SentChord(ResultBackend(app=app), sent_tasks)
    sent.part_fails("a")
    sent.part_returns("b")
    assert sent.bodies() == []
    body = TaskResult.objects.get(task_id="body")
    assert body.status == "FAILURE"
    assert "ValueError('a')" in body.result


def test_a_join_that_no_message_holds_fails_the_chord_and_the_part_that_came_last(
    sent_tasks, monkeypatch
) -> None:
    sent = SentChord(ResultBackend(app=app), sent_tasks)
    sent.part_returns("a")
    monkeypatch.setattr(app.amqp, "send_task_message", too_large)
    with pytest.raises(ChordRefused, match=r"gallery\.cpu_join was called with 17,000,000 bytes"):
        sent.part_returns("b")
    body = TaskResult.objects.get(task_id="body")
    assert body.status == "FAILURE"
    assert "17,000,000 bytes" in body.result
    # Celery fails the part for what was raised, which is the end of the chord.
    sent.part_fails("b")
    assert not Chord.objects.exists()


def too_large(_producer, name, _message, **_options) -> None:
    raise MessageTooLarge(name, 17_000_000, LARGEST_BODY_BYTES)
