"""What a small task costs its worker, in what can be counted: calls of our own code, and by it."""

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from json import loads
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any

import pytest
from kombu.message import Message

import switchyard
from app.celery import app
from switchyard.outbox.capture import captured

OURS = str(Path(switchyard.__file__).parent)
#: From the message to its acknowledgement and the line of its end. They were 251.
MOST_CALLS = 215


@pytest.fixture
def run(consumer: Any) -> Iterator[Callable[[], None]]:
    """Has the worker run one of two tasks that do nothing, to its end."""

    def nothing(left: int, right: int) -> None:
        pass

    task: Any = app.task(name="gallery.io_nothing", shared=False)(nothing)
    acks: list[int] = []
    channel = SimpleNamespace(no_ack_consumers=None, basic_ack=lambda tag, **_: acks.append(tag))
    consumer.strategies = {task.name: task.start_strategy(app, consumer)}
    handle = consumer.create_task_handler()
    messages = [delivered(task, channel) for _ in range(2)]

    def run_one() -> None:
        acks.clear()
        handle(messages.pop())
        consumer.pool.executor.submit(int).result(timeout=30)
        consumer.mailbox.empty()
        assert acks == [7]

    with ThreadPoolExecutor(1) as consumer.pool.executor:
        yield run_one
    app.tasks.unregister(task.name)


def delivered(task: Any, channel: Any) -> Message:
    """A call as it comes from the broker."""
    with captured() as rows:
        task.delay(1, 2)
    return Message(
        rows[0].body,
        delivery_tag=7,
        headers=loads(rows[0].headers),
        properties=loads(rows[0].properties),
        content_type="application/json",
        content_encoding="utf-8",
        channel=channel,
        delivery_info={"routing_key": "io", "redelivered": False},
    )


@contextmanager
def counted() -> Iterator[list[str]]:
    """The calls of our functions and those that they make, in all threads that begin inside."""
    found: list[str] = []

    def note(frame: FrameType, event: str, argument: Any) -> None:
        caller = frame.f_back if event == "call" else frame
        if event == "call" and _is_ours(frame):
            found.append(frame.f_code.co_qualname)
        elif event in {"call", "c_call"} and caller is not None and _is_ours(caller):
            called = getattr(argument, "__name__", frame.f_code.co_qualname)
            found.append(f"{called} <- {caller.f_code.co_qualname}")

    before = sys.getprofile()
    threading.setprofile(note)
    sys.setprofile(note)
    try:
        yield found
    finally:
        sys.setprofile(before)
        threading.setprofile(None)


def _is_ours(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(OURS)


def test_a_task_that_does_nothing_makes_few_calls(run: Callable[[], None]) -> None:
    with counted() as calls:
        run()
        calls.clear()
        run()
    assert len(calls) <= MOST_CALLS, sorted(calls)
