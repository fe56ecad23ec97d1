"""Any text is accepted and runs, or is refused at the call; none is accepted and then buried unread."""

import contextlib
from collections import Counter
from typing import Any

import pytest
from django.db import transaction

from app.celery import app
from switchyard import TaskCallError
from switchyard.outbox.models import Message
from switchyard.queues import EXCHANGE
from switchyard.routing import QUEUES
from tests.gallery.models import Run
from tests.live.broker import dead
from tests.live.processes import Processes, eventually
from tests.malformed import valid

TEXTS = {
    "nul": "a\x00b",
    "surrogate": "\udcff",
    "both": "\x00\udcff\ud800",
    "bidi": "\u202etxt.exe\u202c\u2066",
    "astral": "\U0001f600\U0010ffff",
    "terminal": "\x1b[2J\x07\r\n\x9b31m",
    "long": "\U0001f600\x00" * 50_000,
    "empty": "",
}


@pytest.mark.parametrize("queue", QUEUES)
def test_a_text_in_arguments_runs_as_it_was_given(yard: Processes, channel: Any, queue: str) -> None:
    worker = yard.worker(queue)
    yard.relay()
    keep = app.tasks[f"gallery.{queue}_keep"]
    with transaction.atomic():
        ids = {keep.delay_on_commit(text) for text in TEXTS.values()}
    ids |= {keep.delay(key=text).id for text in TEXTS.values()}
    eventually(lambda: len(worker.events("task_finished")) == len(ids), what="all have ended")
    assert {line["outcome"] for line in worker.events("task_finished")} == {"succeeded"}
    assert set(Run.objects.values_list("task_id", flat=True)) == ids
    assert {run.key for run in Run.objects.all()} == {ascii(text)[:60] for text in TEXTS.values()}
    assert dead(channel, queue) == 0


def test_an_id_or_a_header_that_cannot_travel_is_refused_at_the_call_and_any_other_runs(
    yard: Processes,
    channel: Any,
) -> None:
    worker = yard.worker("io")
    yard.relay()
    keep = app.tasks["gallery.io_keep"]
    accepted = []
    for name, text in TEXTS.items():
        for options in (
            {"task_id": text},
            {"task_id": f"{name}-1", "headers": {"own": text, text: "own"}},
            {"task_id": f"{name}-2", "shadow": text, "argsrepr": text, "kwargsrepr": text},
        ):
            for send in (keep.apply_async_on_commit, keep.apply_async):
                with contextlib.suppress(TaskCallError):
                    sent = send((name,), **options)
                    accepted.append(getattr(sent, "id", sent))
    assert len(accepted) > 2 * len(TEXTS)
    eventually(lambda: len(worker.events("task_finished")) == len(accepted), what="all have ended")
    assert Counter(Run.objects.values_list("task_id", flat=True)) == Counter(accepted)
    assert not Message.objects.exists()
    assert dead(channel) == 0


@pytest.mark.parametrize("queue", QUEUES)
def test_a_header_that_only_informs_never_decides(yard: Processes, channel: Any, queue: str) -> None:
    """As other senders write them."""
    worker = yard.worker(queue)
    task, sent = f"gallery.{queue}_wait", 0
    for name in ("argsrepr", "kwargsrepr", "origin", "shadow", "lang", "sent_at", "__django_structlog__"):
        for value in ("a\x00b", "\udcff", 7, True, [1], {"a": ["b"]}, "x" * 10_000, None):
            draft = valid(task, f"{name}-{sent}")
            draft.headers[name] = value
            channel.basic_publish(draft.message(""), exchange=EXCHANGE, routing_key=queue)
            sent += 1
    eventually(lambda: len(worker.events("task_finished")) == sent, what="all have ended")
    assert {line["outcome"] for line in worker.events("task_finished")} == {"succeeded"}
    assert Run.objects.filter(finished__isnull=False).count() == sent
    assert dead(channel, queue) == 0
