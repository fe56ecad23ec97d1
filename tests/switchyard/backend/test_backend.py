"""A function that is a task of Django's own API is a routed task, kept with the commit."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from celery.exceptions import SoftTimeLimitExceeded
from django.db import OperationalError, connections, transaction
from django.utils import timezone
from kombu.utils.json import loads

from app.celery import app
from switchyard.backend.api import InvalidTask, Status, TaskResultDoesNotExist, signals, tasks
from switchyard.backend.models import Enqueued, purge_enqueued
from switchyard.outbox.models import Message
from switchyard.pytest_plugin import SentTasks
from tests.gallery import enqueued

pytestmark = pytest.mark.django_db(transaction=True)


def ended(result: Any) -> Any:
    result.refresh()
    return result


def test_a_call_is_a_row_of_the_outbox_and_a_record_under_one_id() -> None:
    result = enqueued.add.enqueue(1, right=2)
    message, record = Message.objects.get(), Enqueued.objects.get()
    assert (str(message.task_id), str(record.id)) == (result.id, result.id)
    assert (message.task, message.queue) == ("tests.gallery.enqueued.add", "io")
    assert loads(message.body)[:2] == [[1], {"right": 2}]
    assert (result.status, result.enqueued_at) == (Status.READY, record.enqueued_at)


def test_what_is_rolled_back_was_never_called() -> None:
    with transaction.atomic():
        result = enqueued.add.enqueue(1)
        transaction.set_rollback(True)
    assert not Message.objects.exists()
    with pytest.raises(TaskResultDoesNotExist):
        result.refresh()


def test_an_async_view_calls_as_well() -> None:
    async def view() -> Any:
        try:
            result = await enqueued.add.aenqueue(1)
            return await enqueued.add.aget_result(result.id)
        finally:
            await sync_to_async(connections.close_all)()

    result = asyncio.run(view())
    assert str(Message.objects.get().task_id) == result.id
    assert result.status == Status.READY


def test_what_it_returned_is_its_result(sent_tasks: SentTasks) -> None:
    results = [enqueued.add.enqueue(1, right=2), enqueued.later.enqueue("abc"), enqueued.unnamed.enqueue()]
    sent_tasks.run_all()
    assert [ended(result).return_value for result in results] == [3, "ABC", "by ROUTES"]
    assert {result.status for result in results} == {Status.SUCCESSFUL}
    assert all(result.enqueued_at <= result.started_at <= result.finished_at for result in results)


def test_the_context_knows_the_call(sent_tasks: SentTasks) -> None:
    result = enqueued.told.enqueue("Ada")
    (sent,) = sent_tasks
    assert sent.queue == "cpu"
    sent_tasks.run_all()
    assert ended(result).return_value == ["Ada", 1, result.id]


def test_what_it_raised_is_kept_and_raised_so_that_it_is_dead_lettered(sent_tasks: SentTasks) -> None:
    result = enqueued.fail.enqueue("no reason")
    with pytest.raises(ValueError, match="no reason"):
        sent_tasks.run_all()
    assert ended(result).status == Status.FAILED
    (error,) = result.errors
    assert error.exception_class is ValueError
    assert "no reason" in error.traceback
    with pytest.raises(ValueError, match="failed"):
        _ = result.return_value


def test_what_it_returned_is_as_json_has_it_or_it_failed(sent_tasks: SentTasks) -> None:
    results = [enqueued.hand_back.enqueue(how) for how in ("a tuple", "an object")]
    first, second = list(sent_tasks)
    first.run()
    with pytest.raises(TypeError):
        second.run()
    assert [ended(result).status for result in results] == [Status.SUCCESSFUL, Status.FAILED]
    assert results[0].return_value == [1, 2]
    assert results[1].errors[0].exception_class is TypeError


def test_a_replay_of_what_failed_is_the_next_attempt_of_the_same_call(sent_tasks: SentTasks) -> None:
    result = enqueued.fail.enqueue("once")
    (sent,) = sent_tasks
    for _ in range(2):
        with pytest.raises(ValueError, match="once"):
            sent.run()
    assert ended(result).attempts == 2
    assert len(result.errors) == 2


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (OperationalError("the connection is closed"), Status.FAILED),
        (SoftTimeLimitExceeded(), Status.FAILED),
        (KeyboardInterrupt(), Status.RUNNING),
    ],
    ids=["of no server", "its limit", "the worker leaves"],
)
def test_only_a_call_that_is_over_is_called_failed(
    error: BaseException, status: Any, sent_tasks: SentTasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = enqueued.add.enqueue(1)
    (sent,) = sent_tasks

    def raising(*_: Any) -> None:
        raise error

    monkeypatch.setattr(type(enqueued.add), "call", raising)
    with pytest.raises(type(error)):
        sent.run()
    assert ended(result).status == status


def test_a_moment_and_a_priority_are_the_messages() -> None:
    due = timezone.now() + timedelta(hours=1)
    enqueued.add.using(run_after=due, priority=50).enqueue(1)
    message = Message.objects.get()
    asked = datetime.fromisoformat(loads(message.headers)["eta"])
    assert abs(asked - due) < timedelta(seconds=10)
    assert loads(message.properties)["priority"] == 9


def test_another_queue_for_one_call_is_taken() -> None:
    enqueued.add.using(queue_name="cpu").enqueue(1)
    assert Message.objects.get().queue == "cpu"


def test_a_queue_that_is_not_declared_is_refused_where_it_is_named() -> None:
    with pytest.raises(InvalidTask, match="QUEUE_MAP"):
        enqueued.add.using(queue_name="mail")


@pytest.mark.parametrize("argument", [object(), {1, 2}, timezone.now()])
def test_arguments_that_are_no_json_are_refused_at_the_call(argument: Any) -> None:
    with pytest.raises(TypeError):
        enqueued.add.enqueue(argument)
    assert not Message.objects.exists()
    assert not Enqueued.objects.exists()


@pytest.mark.parametrize("unknown", ["00000000-0000-4000-8000-000000000000", "no id", ""])
def test_a_result_that_nobody_knows_does_not_exist(unknown: str) -> None:
    with pytest.raises(TaskResultDoesNotExist):
        tasks.default_task_backend.get_result(unknown)


def test_a_call_whose_record_is_gone_runs(sent_tasks: SentTasks) -> None:
    result = enqueued.add.enqueue(1)
    Enqueued.objects.all().delete()
    sent_tasks.run_all()
    assert ended(result).return_value == 2


def test_signals_tell_of_each_step(sent_tasks: SentTasks) -> None:
    heard: list[tuple[str, str]] = []

    def hear(signal: Any, task_result: Any, **_: Any) -> None:
        heard.append((names[signal], str(task_result.status)))

    names = {getattr(signals, name): name for name in ("task_enqueued", "task_started", "task_finished")}
    for signal in names:
        signal.connect(hear)
    try:
        enqueued.add.enqueue(1)
        sent_tasks.run_all()
    finally:
        for signal in names:
            signal.disconnect(hear)
    assert heard == [("task_enqueued", "READY"), ("task_started", "RUNNING"), ("task_finished", "SUCCESSFUL")]


def test_records_are_kept_for_a_month() -> None:
    for days in (29, 31):
        result = enqueued.add.enqueue(days)
        Enqueued.objects.filter(pk=result.id).update(enqueued_at=timezone.now() - timedelta(days=days))
    purge_enqueued()
    assert [record.arguments[0] for record in Enqueued.objects.all()] == [[29]]


def test_every_function_is_a_task_of_celerys_by_its_path() -> None:
    assert app.tasks["tests.gallery.enqueued.told"].routed_to == "cpu"
    assert "tests.gallery.enqueued.later" in app.tasks
