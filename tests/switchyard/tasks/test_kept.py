"""What a result's row holds of a value that it cannot hold, and of an outcome that is no longer the last."""

import json
from typing import Any

import pytest
from celery.app.task import Context
from django_celery_results.backends.database import DatabaseBackend
from django_celery_results.models import TaskResult
from kombu.exceptions import EncodeError

from app.celery import app
from switchyard.tasks.kept import LONGEST_RESULT_BYTES
from switchyard.tasks.results import ResultBackend

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("end", ["FAILURE", "SUCCESS"])
@pytest.mark.parametrize(("backend", "kept"), [(ResultBackend, None), (DatabaseBackend, "RETRY")])
def test_a_retry_that_is_stored_late_hides_no_end(backend: type, kept: str | None, end: str) -> None:
    """The control: on stock Celery the last who writes wins."""
    store = backend(app=app).store_result
    store("one", ValueError("the end") if end == "FAILURE" else 3, end)
    store("one", ValueError("again"), "RETRY", request=Context(id="one", retries=0))
    assert TaskResult.objects.get(task_id="one").status == (kept or end)


def test_a_run_that_is_delivered_again_after_a_failure_and_succeeds_has_succeeded() -> None:
    for result, status in [(ValueError("lost"), "RETRY"), (ValueError("lost"), "FAILURE"), (3, "SUCCESS")]:
        app.backend.store_result("one", result, status)
        assert TaskResult.objects.get(task_id="one").status == status


@pytest.mark.parametrize("status", ["SUCCESS", "PROGRESS"])
def test_a_result_is_bounded_and_what_is_above_is_named(status: str) -> None:
    largest = "a" * (LONGEST_RESULT_BYTES - 2)
    for value, kept in [(largest, largest), (largest + "a", {"not_kept": "str"})]:
        app.backend.store_result("one", value, status)
        found = json.loads(TaskResult.objects.get(task_id="one").result)
        assert (found if isinstance(found, str) else {"not_kept": found["not_kept"]}) == kept


def test_arguments_that_are_no_json_are_kept_as_their_repr() -> None:
    """Of a task that is called directly, which has no message with them in words."""
    request = Context(id="one", task="any", args=(object,), kwargs={"key": {1}})
    app.backend.store_result("one", 1, "SUCCESS", request=request)
    row: Any = TaskResult.objects.get(task_id="one")
    assert (json.loads(row.task_args), json.loads(row.task_kwargs)) == ("(<class 'object'>,)", "{'key': {1}}")
    with pytest.raises((EncodeError, TypeError)):
        DatabaseBackend(app=app).store_result("two", 1, "SUCCESS", request=request)
