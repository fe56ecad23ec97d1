"""A queue that a decorator names is where the task goes, its retries and its dead letters too."""

from collections.abc import Iterator
from typing import Any

import pytest
from kombu.message import Message

from app.celery import app
from app.queues import CPU
from switchyard import routing
from switchyard.deadletters.actions import resent
from switchyard.deadletters.letter import DeadLetter
from switchyard.outbox.capture import captured
from switchyard.process.main import main
from switchyard.routing import QUEUE_HEADER, queue_for
from tests.malformed import valid

pytestmark = pytest.mark.filterwarnings("ignore::celery.exceptions.CDeprecationWarning")

#: Of a name that ROUTES sends to io, and of one that it does not know.
NAMES = ["gallery.io_heavy", "billing.heavy"]


@pytest.fixture(params=NAMES)
def heavy(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setitem(routing.QUEUE_MAP, "celery", CPU.name)

    def nothing(key: str) -> None: ...

    task: Any = app.task(name=request.param, queue="celery", shared=False)(nothing)
    task.bind(app)
    yield task
    app.tasks.unregister(task.name)
    routing._declared.pop(task.name, None)


def test_it_has_that_queues_limits_and_all_who_ask_know(
    heavy: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (heavy.routed_to, heavy.time_limit) == (CPU.name, CPU.hard_limit_seconds)
    assert queue_for(heavy.name) is CPU
    main(["routes"])
    [line] = [each for each in capsys.readouterr().out.splitlines() if heavy.name in each]
    assert CPU.name in line.split()


@pytest.mark.parametrize("options", [{}, {"countdown": 60}])
def test_its_calls_and_its_retries_go_there(heavy: Any, options: dict[str, Any]) -> None:
    delivery = {"exchange": "celery_delayed_27", "routing_key": f"0.1.0.{CPU.name}"}
    heavy.push_request(id="a", args=("key",), kwargs={}, retries=0, delivery_info=delivery)
    try:
        retry = heavy.signature_from_request(retries=1, **options)
        for send in (heavy.s("key").set(**options).apply_async, retry.apply_async):
            with captured() as rows:
                send()
            assert [row.queue for row in rows] == [CPU.name]
    finally:
        heavy.pop_request()


def test_what_it_publishes_at_once_is_mandatory(heavy: Any) -> None:
    options = app.amqp.router.route({"queue": CPU.name}, heavy.name)
    assert options["mandatory"]
    assert options["confirm_timeout"]


@pytest.mark.parametrize(("said", "queue"), [({}, "io"), ({QUEUE_HEADER: CPU.name}, CPU.name)])
def test_a_dead_letter_is_sent_again_to_the_queue_of_its_call(said: dict[str, str], queue: str) -> None:
    draft = valid("gallery.io_wait", "a")
    kind = {"content_type": draft.content_type, "content_encoding": draft.content_encoding}
    letter = DeadLetter("io", Message(draft.body, headers=draft.headers | said, **kind))
    assert resent(letter).queue == queue


def test_a_task_that_names_none_goes_where_routes_sends_it(heavy: Any) -> None:
    def nothing() -> None: ...

    app.tasks.unregister(heavy.name)
    app.task(name=heavy.name, shared=False)(nothing).bind(app)
    assert queue_for(heavy.name) is not CPU
