"""A worker is that of its queue, however its command line is ordered."""

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from app.celery import app
from switchyard.process import worker
from switchyard.process.main import command
from switchyard.routing import QUEUES


@pytest.mark.parametrize("queue", QUEUES)
@pytest.mark.parametrize(
    "words", [["{}", "--concurrency=10"], ["--concurrency", "10", "{}"], ["--concurrency=10", "{}"]]
)
def test_its_pool_and_its_queue_do_not_depend_on_the_order_of_the_arguments(
    monkeypatch: pytest.MonkeyPatch, queue: str, words: list[str]
) -> None:
    made: list[dict[str, Any]] = []
    ends = SimpleNamespace(start=lambda: None, exitcode=None)
    monkeypatch.setattr(app, "Worker", lambda **options: made.append(options) or ends)
    monkeypatch.setattr(worker, "_served", lambda *_: nullcontext())
    monkeypatch.setattr(worker, "_leave_alone_what_is_there", lambda: None)
    for need in ("database", "broker", "topology", "node_name"):
        monkeypatch.setattr(worker.dependencies, need, lambda *_: None)
    role = command("worker")
    role.requires_system_checks = ()
    role.run_from_argv(["app", "worker", *(word.format(queue) for word in words)])
    [options] = made
    assert (options["pool_cls"], options["queues"]) == (QUEUES[queue].pool, [queue])
    assert options["concurrency"] == 10
