"""A line of the log says whose request and which task it belongs to, in the next process too."""

import logging
from types import SimpleNamespace
from typing import Any

import pytest
from celery.app.task import Context
from celery.signals import before_task_publish, task_failure, task_prerun
from structlog.contextvars import bound_contextvars, clear_contextvars, get_contextvars

from app.celery import app
from app.queues import CPU, IO
from switchyard.outbox.context import HEADER, request_id
from switchyard.worker.context import ContextStep

TASK = app.tasks["gallery.io_wait"]


@pytest.fixture
def step() -> Any:
    yield ContextStep(None)
    clear_contextvars()


def sent_from(**context: str) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    with bound_contextvars(**context):
        before_task_publish.send(sender=TASK.name, headers=headers)
    return headers


def test_a_task_has_its_callers_context_and_its_own(step: ContextStep) -> None:
    request = Context(sent_from(request_id="r-1", task_id="caller"))
    with bound_contextvars(left_by="the task before"):
        task_prerun.send(sender=TASK, task_id="t-1", task=SimpleNamespace(**_facts(request)))
        assert get_contextvars() == {
            "request_id": "r-1",
            "parent_task_id": "caller",
            "task_id": "t-1",
            "task": TASK.name,
            "queue": IO.name,
        }


def test_a_message_of_another_sender_has_no_context(step: ContextStep) -> None:
    task_prerun.send(sender=TASK, task_id="t-1", task=SimpleNamespace(**_facts(Context())))
    assert get_contextvars() == {"task_id": "t-1", "task": TASK.name, "queue": IO.name}
    assert request_id({}) == {}
    assert request_id({HEADER: {"request_id": "r-1", "user_id": 1}}) == {"request_id": "r-1"}


def test_a_task_that_fails_says_so_with_its_traceback(
    step: ContextStep, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR), bound_contextvars(task_id="t-1"):
        task_failure.send(sender=TASK, task_id="t-1", exception=ValueError("why"))
    assert "task_failed" in caplog.text
    assert "t-1" in caplog.text


def test_the_header_is_that_of_django_structlog(step: ContextStep) -> None:
    """So that a service which uses it understands our messages, and we understand its."""
    headers: dict[str, Any] = {}
    with bound_contextvars(request_id="r-1"):
        step.lines.receiver_before_task_publish(sender=None, headers=headers, body=None, routing_key="io")
    assert headers[HEADER]["request_id"] == "r-1"
    assert request_id(headers) == {"request_id": "r-1"}


def test_a_line_says_the_queue_that_the_message_came_from(step: ContextStep) -> None:
    """Not its task's, which the call may have passed over; a delay stands before its name."""
    for key, queue in ((CPU.name, CPU.name), (f"0.0.1.{CPU.name}", CPU.name), (None, IO.name)):
        request = Context(delivery_info={"routing_key": key, "redelivered": False})
        task_prerun.send(sender=TASK, task_id="t-1", task=SimpleNamespace(**_facts(request)))
        assert get_contextvars()["queue"] == queue


def _facts(request: Any) -> dict[str, Any]:
    return {"name": TASK.name, "routed_to": TASK.routed_to, "request": request}
