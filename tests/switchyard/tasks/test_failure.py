"""What is kept of an exception is its own, through Celery's own tracer, a child's pipe and the database."""

import pickle
from types import SimpleNamespace
from typing import Any

import pytest
from billiard.einfo import ExceptionWithTraceback
from celery.app.trace import build_tracer
from celery.signals import task_failure
from django_celery_results.models import TaskResult
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from kombu.utils.json import dumps, loads
from structlog.testing import capture_logs

from app.celery import app
from switchyard.deadletters.errors import errors_of, traceback_of
from switchyard.tasks.failure import LONGEST_TEXT, described, text_of
from switchyard.text import is_text
from switchyard.worker.failures import class_in, write_failure
from switchyard.worker.request import outcome_of, plain
from tests.gallery.errors import RAISED, Mute, Unpicklable
from tests.switchyard.test_text import ANY_TEXT

task = app.tasks["gallery.io_throw"]
CLASSES = {
    "hostile": "ValueError",
    "unpicklable": "Unpicklable",
    "unpicklable value": "UnpicklableValue",
    "unloadable": "Unloadable",
    "mute": "Mute",
    "worded": "Worded",
    "huge": "ValueError",
    "many": "ValueError",
    "group": "ExceptionGroup",
    "chained": "Unpicklable",
    "bytes": "ValueError",
}


@pytest.fixture(autouse=True)
def failures() -> Any:
    task_failure.connect(write_failure)
    yield
    task_failure.disconnect(write_failure)


def traced(function: Any, task_id: str = "t-1") -> Any:
    """The ExceptionInfo that a worker's main process gets of it, after the pipe of a child."""
    request = {"id": task_id, "delivery_info": {}, "task": task.name, "argsrepr": "nul \x00", "group": None}
    run, task.run = task.run, function
    try:
        info = build_tracer(task.name, task, app=app)(task_id, (), {}, request).retval
    finally:
        task.run = run
    return pickle.loads(pickle.dumps(info))  # noqa: S301 - our own, as the pool does it


def throwing(error: BaseException) -> Any:
    def throw() -> None:
        raise error

    return throw


@pytest.mark.django_db
@pytest.mark.parametrize("kind", RAISED)
def test_an_exception_is_kept_as_itself(kind: str) -> None:
    info = traced(throwing(RAISED[kind]()))
    assert class_in(info, plain(info.exception)) == CLASSES[kind]
    assert outcome_of(info.exception) == "failed"
    assert errors_of(["t-1"])["t-1"].startswith(f"{CLASSES[kind]}: ")
    assert CLASSES[kind] in traceback_of("t-1")
    assert len(pickle.dumps(info)) < 200_000


class AnyText(TestCase):
    @given(text=ANY_TEXT, cause=ANY_TEXT)
    def test_of_any_text_it_is_stored_whole_and_in_the_exceptions_own_words(
        self, text: str, cause: str
    ) -> None:
        error = ValueError(text)
        error.__cause__ = Unpicklable(cause, 1)
        traced(throwing(error), "t-2")
        row = TaskResult.objects.get(task_id="t-2")
        assert loads(row.result)["exc_message"] == [text]
        assert loads(row.result)["exc_text"] == text
        assert errors_of(["t-2"])["t-2"].isprintable()
        assert is_text(row.traceback)


@given(args=st.lists(ANY_TEXT | st.binary() | st.floats() | st.sets(st.integers()), max_size=4))
def test_whatever_it_was_made_of_it_has_a_form_in_json(args: list[Any]) -> None:
    found = loads(dumps(described(ValueError(*args))))
    assert found["exc_type"] == "ValueError"
    assert len(found["exc_text"]) <= LONGEST_TEXT + 100


def test_one_that_says_nothing_says_so() -> None:
    assert text_of(Mute()) == "(it says nothing)"
    assert described(Mute())["exc_type"] == "Mute"


def test_an_exception_that_can_be_pickled_is_handed_on_as_it_is() -> None:
    error = ValueError("as it is")
    assert plain(ExceptionWithTraceback(error, "")) is error


@pytest.mark.django_db
def test_who_waits_for_the_result_gets_the_exception() -> None:
    traced(throwing(ValueError("nul \x00", 7)), "t-3")
    with pytest.raises(ValueError, match="7"):
        app.AsyncResult("t-3").get(timeout=1)


@pytest.mark.parametrize(("throws", "level"), [((), "error"), ((LookupError,), "info")])
def test_what_a_task_says_it_throws_is_no_error_of_the_log_and_has_no_traceback(
    throws: tuple[type[Exception], ...], level: str
) -> None:
    einfo = SimpleNamespace(traceback="Traceback of it")
    with capture_logs() as lines:
        write_failure(SimpleNamespace(throws=throws), "t-4", KeyError("a"), einfo)
    [line] = lines
    assert line["log_level"] == level
    assert ("exception" in line) is (not throws)
