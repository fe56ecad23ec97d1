"""Who asks for a result that nobody keeps is told so at once."""

from typing import Any

import pytest
from celery.exceptions import TimeoutError as NotInTime
from celery.result import AsyncResult
from django_celery_results.backends.database import DatabaseBackend

from app.celery import app
from switchyard.tasks.discarded import ResultDiscarded

pytestmark = pytest.mark.django_db

ASKED = {
    "get": lambda result: result.get(),
    "get for a second": lambda result: result.get(timeout=1),
    "result": lambda result: result.result,
    "ready": lambda result: result.ready(),
}


@pytest.fixture
def task(sent_tasks: Any) -> Any:
    return app.tasks["gallery.io_wait"]


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
def test_a_result_that_nobody_keeps_is_refused_at_once(task: Any, ask: Any) -> None:
    sent = task.apply_async(("key",))
    for result in (sent, task.AsyncResult(sent.id)):
        with pytest.raises(ResultDiscarded, match=r"gallery\.io_wait.*ignore_result=False"):
            ask(result)


def test_stock_celery_waits_for_it(task: Any) -> None:
    """The control, and what is left of it: an id alone says nothing of its task."""
    result = AsyncResult("one", backend=DatabaseBackend(app=app), app=app)
    with pytest.raises(NotInTime):
        result.get(timeout=0.1)


def test_an_error_is_kept_and_raised_all_the_same(task: Any) -> None:
    result = task.apply_async(("key",))
    app.backend.store_result(result.id, KeyError("its own"), "FAILURE")
    assert result.ready()
    with pytest.raises(KeyError, match="its own"):
        result.get(timeout=1)


def test_a_result_that_one_call_has_kept_is_had(task: Any) -> None:
    result = task.apply_async(("key",), ignore_result=False)
    assert not result.ready()
    app.backend.store_result(result.id, 3, "SUCCESS")
    assert (result.get(timeout=1), result.result, result.ready()) == (3, 3, True)
