"""What is no task is dead-lettered: never run, never acknowledged away, and no end of the worker."""

from pathlib import Path
from typing import Any

import pytest

from switchyard.broker.frames import UNREADABLE
from switchyard.queues import EXCHANGE
from switchyard.routing import QUEUES
from tests.gallery.models import Run
from tests.live.broker import Vhost, waiting
from tests.live.processes import Process, Processes, eventually
from tests.malformed import Draft, malformed, valid

pytestmark = pytest.mark.every_broker

MESSAGES = 2000
EVERY_TENTH = 10


def publish(channel: Any, queue: str, draft: Draft, name: str, routing_key: Any = None) -> None:
    channel.basic_publish(draft.message(name), exchange=EXCHANGE, routing_key=routing_key or queue)


def taken(channel: Any, queue: str) -> list[Any]:
    """Every dead letter of the queue, taken out."""
    dead = QUEUES[queue].dead_letter_queue
    messages = list(iter(lambda: channel.basic_get(dead, no_ack=True), None))
    assert waiting(channel, dead) == 0
    return messages


def finished(key: str) -> bool:
    return Run.objects.filter(key=key, finished__isnull=False).exists()


@pytest.mark.parametrize("queue", QUEUES)
def test_two_thousand_malformed_messages_are_dead_lettered_and_the_worker_goes_on(
    yard: Processes, channel: Any, tmp_path: Path, queue: str
) -> None:
    worker = yard.worker(queue)
    canary, task = tmp_path / "canary", f"gallery.{queue}_wait"
    drafts = list(malformed(task, MESSAGES, seed=1, canary=canary))
    for number, draft in enumerate(drafts):
        publish(channel, queue, draft, f"malformed-{number}")
        if number % EVERY_TENTH == 0:
            publish(channel, queue, valid(task, f"valid-{number}"), "")
    dead = QUEUES[queue].dead_letter_queue
    eventually(lambda: waiting(channel, dead) >= MESSAGES, within=200, what=f"{MESSAGES} dead letters")
    last = f"valid-{MESSAGES - EVERY_TENTH}"
    eventually(lambda: finished(last), what="the task behind them all")
    found = taken(channel, queue)
    named = [f"malformed-{number}" for number, draft in enumerate(drafts) if draft.raw is None]
    names = [message.properties.get("message_id", "") for message in found]
    assert sorted(filter(None, names)) == sorted(named)
    assert len(found) == MESSAGES
    assert Run.objects.count() == MESSAGES // EVERY_TENTH
    assert not Run.objects.exclude(key__startswith="valid-").exists()
    assert not canary.exists()
    assert_undisturbed(worker)
    assert waiting(channel, queue) == 0


def assert_undisturbed(worker: Process) -> None:
    """The same process, which has neither reconnected nor started anew."""
    assert worker.popen.poll() is None
    assert "Connection to broker lost" not in worker.text()
    assert "Unrecoverable error" not in worker.text()


@pytest.mark.parametrize("queue", QUEUES)
def test_a_refused_message_is_logged_without_its_payload(yard: Processes, channel: Any, queue: str) -> None:
    worker = yard.worker(queue)
    draft = valid(f"gallery.{queue}_wait", "secret-key")
    draft.body = b'{"secret": "of somebody"'
    draft.headers["id"] = "its-id"
    publish(channel, queue, draft, "")
    [line] = eventually(lambda: worker.events("message_refused"))
    assert (line["reason"], line["queue"], line["task_id"]) == ("body is not JSON", queue, "its-id")
    assert (line["content_type"], line["size"]) == ("application/json", len(draft.body))
    assert "of somebody" not in worker.text()


def test_a_routing_key_that_is_no_text_does_not_end_the_worker(yard: Processes, channel: Any) -> None:
    worker = yard.worker("io")
    publish(channel, "io", valid("gallery.io_wait", "odd"), "", routing_key=b"\xff\xfe.io")
    eventually(lambda: finished("odd"))
    assert_undisturbed(worker)


def test_a_message_whose_properties_cannot_be_decoded_is_marked(vhost: Vhost, channel: Any) -> None:
    channel.queue_declare("odd", auto_delete=False)
    draft = valid("gallery.io_wait", "x")
    draft.raw = b"\x80\x00\x02\xff\xff"
    channel.basic_publish(draft.message(""), routing_key="odd")
    message = eventually(lambda: channel.basic_get("odd", no_ack=True))
    assert message.headers == {UNREADABLE: "UnicodeDecodeError"}
    assert message.body == draft.body
