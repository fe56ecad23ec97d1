"""What is kept in the outbox, and when: real PostgreSQL, and no broker anywhere."""

import datetime
import uuid
from collections.abc import Iterator
from contextvars import copy_context
from typing import Any

import psycopg
import pytest
import structlog
from celery import chain, chord, group
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from kombu.utils.json import loads

from app.celery import app
from switchyard.installation import channel
from switchyard.outbox import journal
from switchyard.outbox.capture import captured
from switchyard.outbox.checked import BODY_LIMIT_BYTES, HEADERS_LIMIT_BYTES
from switchyard.outbox.errors import (
    HeadersNotFinite,
    HeadersTooLarge,
    MessageTooLarge,
    TaskCallError,
    TooFarAhead,
)
from switchyard.outbox.models import Message
from switchyard.outbox.sending import send_on_commit
from switchyard.routing import QUEUES
from switchyard.tasks.models import Chord
from tests.gallery.tasks import join, part

# The broker of tests/settings.py cannot be reached: whatever asks it fails.
pytestmark = pytest.mark.django_db(transaction=True)

io_wait = app.tasks["gallery.io_wait"]
cpu_wait = app.tasks["gallery.cpu_wait"]


def kept() -> list[tuple[str, str, str]]:
    return list(Message.objects.order_by("id").values_list("task_id", "task", "queue"))


@transaction.atomic
def keep_and_fail(key: str) -> None:
    io_wait.delay_on_commit(key)
    with transaction.atomic():
        io_wait.delay_on_commit(f"deeper than {key}")
    raise ZeroDivisionError


def embedded(message: Message) -> Any:
    """Callbacks, chain and chord of a message (Celery's task protocol 2)."""
    return loads(message.body)[2]


def test_a_task_is_kept_with_its_commit_and_its_id_is_known_at_once() -> None:
    with transaction.atomic():
        task_id = io_wait.delay_on_commit("a", seconds=1)
        assert not Message.objects.exists()
    assert kept() == [(task_id, "gallery.io_wait", "io")]
    message = Message.objects.get()
    assert loads(message.body)[:2] == [["a"], {"seconds": 1}]
    headers, properties = loads(message.headers), loads(message.properties)
    assert (headers["id"], headers["task"]) == (task_id, "gallery.io_wait")
    assert headers["timelimit"] == [QUEUES["io"].hard_limit_seconds, QUEUES["io"].soft_limit_seconds]
    assert (properties["content_type"], properties["content_encoding"]) == ("application/json", "utf-8")
    assert (properties["delivery_mode"], properties["correlation_id"]) == (2, task_id)


def test_what_the_signals_of_a_publish_add_is_in_the_message() -> None:
    before = timezone.now().timestamp()
    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        io_wait.delay_on_commit("a")
    headers = loads(Message.objects.get().headers)
    assert before <= headers["sent_at"] <= timezone.now().timestamp()
    assert headers["__django_structlog__"]["request_id"] == "r-1"


def test_a_rolled_back_transaction_keeps_nothing() -> None:
    with pytest.raises(ZeroDivisionError):
        keep_and_fail("a")
    with transaction.atomic():
        io_wait.delay_on_commit("b")
        transaction.set_rollback(True)
    io_wait.delay_on_commit("after")
    assert [loads(message.body)[0] for message in Message.objects.all()] == [["after"]]


def test_a_rolled_back_savepoint_keeps_nothing_of_its_own() -> None:
    with transaction.atomic():
        io_wait.delay_on_commit("before")
        with pytest.raises(ZeroDivisionError):
            keep_and_fail("inside")
        with transaction.atomic():
            io_wait.delay_on_commit("released")
    assert [loads(message.body)[0][0] for message in Message.objects.order_by("id")] == ["before", "released"]


def test_many_calls_in_one_transaction_are_one_insert(django_assert_num_queries: Any) -> None:
    # BEGIN, INSERT, COMMIT.
    with django_assert_num_queries(3) as queries, transaction.atomic():
        for number in range(100):
            io_wait.delay_on_commit(str(number))
    assert ["INSERT" in query["sql"] for query in queries] == [False, True, False]
    assert [loads(message.body)[0][0] for message in Message.objects.order_by("id")] == [
        str(number) for number in range(100)
    ]


def test_outside_a_transaction_the_row_is_a_transaction_of_its_own(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        io_wait.delay_on_commit("a")
    with django_assert_num_queries(1):
        send_on_commit(group(io_wait.si(str(number)) for number in range(10)))
    assert Message.objects.count() == 11


def test_a_transaction_without_a_task_asks_the_outbox_nothing(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(3), transaction.atomic():
        Message.objects.exists()


@pytest.fixture
def unwelcome() -> Iterator[str]:
    """A task id that the table refuses."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE switchyard_outbox ADD CONSTRAINT refused CHECK (task_id <> 'unwelcome')")
        yield "unwelcome"
        cursor.execute("ALTER TABLE switchyard_outbox DROP CONSTRAINT refused")


def test_an_insert_that_fails_rolls_back_and_raises_in_the_caller(unwelcome: str) -> None:
    @transaction.atomic
    def change_and_keep() -> None:
        Message.objects.update(task_id="changed")
        io_wait.apply_async_on_commit(("a",), task_id=unwelcome)

    task_id = io_wait.delay_on_commit("before")
    with pytest.raises(DatabaseError):
        change_and_keep()
    assert kept() == [(task_id, "gallery.io_wait", "io")]
    io_wait.delay_on_commit("the connection is as good as before")
    assert Message.objects.count() == 2


def test_a_task_id_may_wait_twice() -> None:
    for _ in range(2):
        assert io_wait.apply_async_on_commit(("a",), task_id="same") == "same"
    assert Message.objects.filter(task_id="same").count() == 2


def test_a_call_by_name_with_options_is_kept_as_beat_needs_it() -> None:
    with transaction.atomic():
        task_id = app.tasks["gallery.io_wait"].apply_async_on_commit(["a"], {"seconds": 2}, priority=3)
    message = Message.objects.get(task_id=task_id)
    assert loads(message.body)[:2] == [["a"], {"seconds": 2}]
    assert loads(message.properties)["priority"] == 3


@pytest.mark.parametrize("written", ["countdown", "eta"])
def test_a_countdown_counts_from_the_call_and_the_row_says_until_when(written: str) -> None:
    now = timezone.now()
    with transaction.atomic():
        when = 90 if written == "countdown" else now + datetime.timedelta(seconds=90)
        io_wait.apply_async_on_commit(("a",), **{written: when})
    message = Message.objects.get()
    assert message.queue == "io"
    assert message.eta is not None
    assert 0 <= (message.eta - now).total_seconds() - 90 < 5
    said = datetime.datetime.fromisoformat(loads(message.headers)["eta"])
    assert abs((said - message.eta).total_seconds()) < 5


@pytest.mark.parametrize("countdown", [0, None, -3])
def test_no_countdown_is_no_eta(countdown: int | None) -> None:
    io_wait.apply_async_on_commit(("a",), countdown=countdown)
    assert Message.objects.get().eta is None


def test_a_chain_is_one_row_that_holds_the_rest() -> None:
    with transaction.atomic():
        last = send_on_commit(chain(io_wait.si("a"), cpu_wait.si("b"), io_wait.si("c")))
    [message] = Message.objects.all()
    assert (message.task, message.queue) == ("gallery.io_wait", "io")
    steps = embedded(message)["chain"]
    assert [step["task"] for step in reversed(steps)] == ["gallery.cpu_wait", "gallery.io_wait"]
    assert steps[0]["options"]["task_id"] == last


def test_a_group_is_a_row_for_each_part_and_its_callbacks_are_kept() -> None:
    with transaction.atomic():
        parts = [io_wait.si("a").on_error(io_wait.si("lost")), cpu_wait.si("b")]
        group_id = send_on_commit(group(parts))
    assert [(task, queue) for _, task, queue in kept()] == [
        ("gallery.io_wait", "io"),
        ("gallery.cpu_wait", "cpu"),
    ]
    assert {loads(message.headers)["group"] for message in Message.objects.all()} == {group_id}
    assert embedded(Message.objects.earliest("id"))["errbacks"][0]["task"] == "gallery.io_wait"


def test_a_chord_is_kept_with_its_count_and_gone_with_it() -> None:
    with transaction.atomic():
        body = send_on_commit(chord([part.s("a", 0, False), part.s("b", 0, False)], join.s("sum")))
    assert [task for _, task, _ in kept()] == ["gallery.cpu_part"] * 2
    assert {embedded(message)["chord"]["options"]["task_id"] for message in Message.objects.all()} == {body}
    assert Chord.objects.count() == 1
    with transaction.atomic():
        send_on_commit(chord([part.s("a", 0, False), part.s("b", 0, False)], join.s("sum")))
        transaction.set_rollback(True)
    assert (Message.objects.count(), Chord.objects.count()) == (2, 1)


def test_a_chord_in_a_chain_waits_in_the_first_row() -> None:
    with transaction.atomic():
        parts = chord([part.si("a", 0, False), part.si("b", 0, False)], join.s("sum"))
        send_on_commit(chain(io_wait.si("first"), parts, io_wait.si("last")))
    [message] = Message.objects.all()
    assert loads(message.body)[0] == ["first"]
    # The next step is the last of the list; before Celery 5.7 what comes after a chord is part of its body.
    assert embedded(message)["chain"][-1]["task"] == "celery.chord"
    assert '"last"' in message.body


def test_a_chain_in_a_chord_and_a_countdown_in_a_canvas_are_kept() -> None:
    with transaction.atomic():
        parts = [chain(io_wait.si("a"), part.si("b", 0, False)), part.si("c", 0, False).set(countdown=60)]
        send_on_commit(chord(parts, join.s("sum")))
    first, second = Message.objects.order_by("id")
    assert (first.task, first.eta, second.task) == ("gallery.io_wait", None, "gallery.cpu_part")
    assert second.eta is not None
    assert second.queue == "cpu"


def test_a_canvas_with_one_refused_call_keeps_nothing() -> None:
    with pytest.raises(TaskCallError), transaction.atomic():
        send_on_commit(group([io_wait.si("a"), io_wait.si(object())]))
    assert not Message.objects.exists()
    io_wait.delay_on_commit("the next one is kept")
    assert Message.objects.count() == 1


def test_what_outlives_the_call_that_it_was_begun_in_is_not_kept_where_nobody_looks() -> None:
    """An asyncio task that a signal handler begins has a copy of the caller's context, and keeps it."""
    with captured() as rows:
        copied = copy_context()
        copied.run(io_wait.apply_async, ("inside",))
    assert len(rows) == 1
    copied.run(io_wait.apply_async, ("later",), countdown=1)
    copied.run(io_wait.delay_on_commit, "kept")
    assert (len(rows), Message.objects.count()) == (1, 2)


def test_a_message_above_the_limit_is_refused_at_the_call_with_what_to_do() -> None:
    io_wait.delay_on_commit("x" * (BODY_LIMIT_BYTES - 100))
    with pytest.raises(MessageTooLarge, match=r"1,048,576\. Keep the data in the database"):
        io_wait.delay_on_commit("x" * BODY_LIMIT_BYTES)
    with pytest.raises(MessageTooLarge):
        io_wait.delay_on_commit("é" * (BODY_LIMIT_BYTES // 2))
    assert Message.objects.count() == 1


def test_headers_that_no_frame_holds_are_refused_at_the_call() -> None:
    with pytest.raises(HeadersTooLarge, match="stamps"):
        io_wait.apply_async_on_commit(("a",), headers={"note": "x" * HEADERS_LIMIT_BYTES})
    assert not Message.objects.exists()


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
def test_a_number_among_the_headers_that_the_broker_cannot_read_is_refused_at_the_call(number: str) -> None:
    with pytest.raises(HeadersNotFinite, match="Pass a finite number or None"):
        io_wait.apply_async_on_commit(("a",), headers={"note": {"weight": [float(number)]}})
    io_wait.apply_async_on_commit((float(number),), headers={"note": 1.5})
    assert Message.objects.count() == 1


def test_a_day_that_no_delay_reaches_is_refused_at_the_call() -> None:
    with pytest.raises(TooFarAhead, match="3,106 days"):
        io_wait.apply_async_on_commit(("a",), eta=timezone.now() + datetime.timedelta(days=3200))


def test_text_that_only_json_can_hold_is_kept_as_it_is() -> None:
    odd = "nul \x00, half of a pair \ud800, \u2028, snowman ☃"
    io_wait.delay_on_commit(odd, seconds=uuid.UUID(int=7))
    assert loads(Message.objects.get().body)[:2] == [[odd], {"seconds": uuid.UUID(int=7)}]


def test_a_commit_with_rows_wakes_the_relay_once_and_a_rollback_does_not() -> None:
    with psycopg.connect(**connection.get_connection_params(), autocommit=True) as listener:
        name = channel()
        listener.execute(f"LISTEN {name}")
        with transaction.atomic():
            io_wait.delay_on_commit("a")
            transaction.set_rollback(True)
        with transaction.atomic():
            for number in range(3):
                io_wait.delay_on_commit(str(number))
        Message.objects.exists()
        assert [notice.channel for notice in listener.notifies(timeout=5, stop_after=1)] == [name]
        assert list(listener.notifies(timeout=0.2)) == []


def test_an_accepted_task_is_written_down_after_its_commit_only() -> None:
    written = structlog.testing.CapturingLogger()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal, "log", written)
        with transaction.atomic():
            io_wait.delay_on_commit("gone")
            transaction.set_rollback(True)
        with transaction.atomic():
            task_id = io_wait.delay_on_commit("a")
            assert written.calls == []
    fields = {"task": "gallery.io_wait", "task_id": task_id, "queue": "io"}
    assert [(call.args, call.kwargs) for call in written.calls] == [(("task_accepted",), fields)]
