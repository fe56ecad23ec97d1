"""A task whose work is done has succeeded, whatever it returns; unless another task waits for the value."""

from typing import Any

import pytest
from celery import chain, chord
from celery.result import AsyncResult
from django_celery_results.models import TaskResult

from app.celery import app
from switchyard.routing import QUEUES
from tests.gallery.models import Run
from tests.gallery.tasks import join
from tests.live.broker import dead_letters
from tests.live.processes import Process, Processes, eventually

UNKEPT = {"opaque": "Opaque", "mute": "OpaqueAndMute", "circular": "list", "error": "dict"}


def give(queue: str) -> Any:
    return app.tasks[f"gallery.{queue}_give"]


def outcomes(worker: Process, count: int) -> list[str]:
    eventually(lambda: len(worker.events("task_finished")) == count)
    return [line["outcome"] for line in worker.events("task_finished")]


@pytest.mark.parametrize("queue", QUEUES)
def test_a_value_that_cannot_be_kept_leaves_the_work_done(yard: Processes, queue: str) -> None:
    worker = yard.worker(queue)
    sent = {kind: give(queue).apply_async((kind, kind), ignore_result=False) for kind in UNKEPT}
    assert outcomes(worker, len(UNKEPT)) == ["succeeded"] * len(UNKEPT)
    warnings = {line["task_id"]: line for line in worker.events("result_not_kept")}
    for kind, result in sent.items():
        assert warnings[result.id]["task"] == give(queue).name
        assert warnings[result.id]["type"].endswith(UNKEPT[kind])
        found = AsyncResult(result.id, app=app).get(timeout=5)
        assert found["not_kept"].endswith(UNKEPT[kind])
        assert TaskResult.objects.get(task_id=result.id).status == "SUCCESS"
    assert "opaque" in AsyncResult(sent["opaque"].id, app=app).get(timeout=5)["repr"]
    assert Run.objects.count() == len(UNKEPT)


def test_a_value_of_any_text_comes_back_as_it_was(yard: Processes) -> None:
    yard.worker("io")
    sent = give("io").apply_async(("a", "hostile"), ignore_result=False)
    assert eventually(lambda: AsyncResult(sent.id, app=app).ready())
    assert AsyncResult(sent.id, app=app).get(timeout=5) == "nul \x00 and \udcff"


@pytest.mark.parametrize("queue", QUEUES)
def test_a_value_that_the_next_task_needs_fails_the_task_by_its_own_name(
    yard: Processes, vhost: Any, queue: str
) -> None:
    worker = yard.worker(queue)
    sent = chain(give(queue).s("a", "opaque"), give(queue).s("number")).apply_async()
    [message] = dead_letters(vhost, queue, 1)
    assert (message.headers["id"], outcomes(worker, 1)) == (sent.parent.id, ["failed"])
    error = TaskResult.objects.get(task_id=sent.parent.id).result
    assert f"{give(queue).name} returned " in error
    assert "Opaque" in error
    assert "Exception raised outside body" not in worker.text()


def test_a_value_that_a_chord_needs_fails_its_part_and_the_chord(yard: Processes) -> None:
    worker = yard.worker("cpu")
    part = give("cpu").s("a", "opaque").set(ignore_result=False)
    sent = chord([part, give("cpu").s("b", "number").set(ignore_result=False)])(join.s("sum"))
    assert sorted(outcomes(worker, 2)) == ["failed", "succeeded"]
    eventually(lambda: TaskResult.objects.filter(task_id=sent.id, status="FAILURE").exists())
    assert "gallery.cpu_give returned " in TaskResult.objects.get(task_id=sent.id).result
