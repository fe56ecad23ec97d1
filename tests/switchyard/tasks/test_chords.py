"""A chord of any shape is joined as by Celery's own backend, once, whatever runs twice or out of order."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from celery import chain, chord, group, shared_task
from celery.app.task import Context
from celery.app.trace import trace_task
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_celery_results.backends.database import DatabaseBackend
from django_celery_results.models import ChordCounter, TaskResult
from kombu.utils.json import dumps, loads

from app.celery import app
from switchyard.tasks import chords
from switchyard.tasks.models import Chord, ChordPart
from switchyard.tasks.results import ResultBackend

pytestmark = pytest.mark.django_db

collected: list[Any] = []


@shared_task(name="gallery.io_echo", ignore_result=False)
def echo(value: Any) -> Any:
    return value


@shared_task(name="gallery.io_chord_mark", ignore_result=False)
def mark(value: Any) -> str:
    return f"{value}!"


@shared_task(name="gallery.io_unkept")
def unkept(value: Any) -> Any:
    return value


@shared_task(name="gallery.io_refuse", ignore_result=False)
def refuse(value: Any) -> None:
    raise ValueError(value)


@shared_task(name="gallery.io_gather", ignore_result=False)
def gather(values: Any) -> Any:
    collected.append(values)
    return values


Message = tuple[str, Any]


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> list[Message]:
    """What has been sent and not been executed yet: the task's name and Celery's message."""
    found: list[Message] = []
    monkeypatch.setattr(
        app.amqp, "send_task_message", lambda _, name, message, **__: found.append((name, message))
    )
    return found


@shared_task(name="gallery.io_record_error")
def record_error(task_id: str) -> None:
    collected.append(task_id)


def execute(name: str, message: Any) -> None:
    """What a worker does with a message."""
    args, kwargs, embedded = loads(dumps(message.body))
    options = {"args": args, "kwargs": kwargs, "is_eager": False, "delivery_info": {}, "hostname": "here"}
    request = message.headers | embedded | options
    trace_task(app.tasks[name], request["id"], args, kwargs, request, app=app)


def run(signature: Any, waiting: list[Message], *, times: int = 1, backwards: bool = False) -> Any:
    """Execute every message so often, and what is sent meanwhile but once."""
    collected.clear()
    result = signature.apply_async()
    sent: set[str] = set()
    while waiting:
        name, message = waiting.pop(-1 if backwards else 0)
        if message.headers["id"] not in sent:
            sent.add(message.headers["id"])
            for _ in range(times):
                execute(name, message)
    return result


@pytest.fixture
def stock() -> Iterator[None]:
    """django-celery-results' own backend in the place of ours."""
    ours, app._local.backend = app.backend, DatabaseBackend(app=app)
    yield
    app._local.backend = ours


SHAPES: dict[str, Callable[[], Any]] = {
    "parts": lambda: chord([echo.s("a"), echo.s(2), echo.s(None)], gather.s()),
    "one part": lambda: chord([echo.s("a")], gather.s()),
    "chains": lambda: chord([chain(echo.s("a"), mark.s()), echo.s("b")], gather.s()),
    "group upgraded": lambda: chain(group(echo.s("a"), echo.s("b")), gather.s(), gather.s()),
    "group in the header": lambda: chord([group(echo.s("a"), echo.s("b")), echo.s("c")], gather.s()),
    "chord as a part": lambda: chord(
        [chord([echo.s("a"), echo.s("b")], gather.s()), echo.s("c")], gather.s()
    ),
    "chord as the body": lambda: chord([echo.s("a")], chord([echo.s(), mark.s()], gather.s())),
    "chain as the body": lambda: chord([echo.s("a"), echo.s("b")], chain(gather.s(), gather.s())),
    "group as the body": lambda: chord([echo.s("a"), echo.s("b")], group(gather.s(), gather.s())),
    "chord after chord": lambda: chain(
        echo.s("a"), group(echo.s(), mark.s()), gather.s(), group(echo.s(), echo.s()), gather.s()
    ),
    "chain that ends in a group": lambda: chord(
        [chain(echo.s("a"), group(echo.s(), mark.s())), echo.s("c")], gather.s()
    ),
}


@pytest.fixture(params=SHAPES)
def shape(request: Any) -> Callable[[], Any]:
    return SHAPES[request.param]


@pytest.fixture
def expected(shape: Callable[[], Any], waiting: list[Message], stock: None) -> list[Any]:
    run(shape(), waiting)
    return [*collected]


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("times", [1, 2])
def test_a_chord_of_any_shape_is_joined_as_by_stock_celery(
    shape: Callable[[], Any], expected: list[Any], waiting: list[Message], times: int, backwards: bool
) -> None:
    app._local.backend = ResultBackend(app=app)
    run(shape(), waiting, times=times, backwards=backwards)
    # A body that runs twice appends twice.
    assert sorted(map(repr, collected)) == sorted(map(repr, expected * times))
    assert not Chord.objects.exists()
    assert not ChordPart.objects.exists()


def test_a_part_need_not_keep_its_result(waiting: list[Message]) -> None:
    run(chord([unkept.s("a"), unkept.s("b")], gather.s()), waiting)
    assert collected == [["a", "b"]]


def test_a_chord_whose_part_failed_fails_by_its_reason_and_calls_who_waits_for_that(
    waiting: list[Message],
) -> None:
    body = gather.s().on_error(record_error.s())
    result = run(chord([refuse.s("first"), echo.s("b"), refuse.s("last")], body), waiting)
    kept = TaskResult.objects.get(task_id=result.id)
    assert (kept.status, collected) == ("FAILURE", [result.id])
    assert "ValueError('first')" in kept.result
    assert not Chord.objects.exists()


def test_a_part_that_failed_and_was_replayed_while_another_still_ran_has_succeeded() -> None:
    chords.begin("one", [app.AsyncResult("a"), app.AsyncResult("b")], 2)
    assert [chords.part_ended("one", "a", state, '"x"') for state in ("FAILURE", "SUCCESS")] == [False, False]
    # And not the other way round: it cannot be undone.
    assert chords.part_ended("one", "a", "FAILURE", '"y"') is False
    assert chords.part_ended("one", "b", "SUCCESS", '"z"') is True
    header = chords.Header(Chord.objects.get())
    assert (header.failed, header.joined(loads)) == (None, ["x", "z"])


def test_who_comes_again_after_the_last_part_is_told_that_all_have_ended() -> None:
    """The worker that was told first may have died before it sent the body."""
    chords.begin("one", [app.AsyncResult("a")], 1)
    assert [chords.part_ended("one", "a", "SUCCESS", "1") for _ in range(2)] == [True, True]
    assert Chord.objects.get().ended == 1


def test_a_call_that_is_made_again_does_not_begin_anew() -> None:
    """A task that sends a chord and runs twice names it and its parts the same."""
    parts = [app.AsyncResult("a"), app.AsyncResult("b")]
    chords.begin("one", parts, 2)
    chords.part_ended("one", "a", "SUCCESS", "1")
    chords.begin("one", parts, 2)
    assert chords.part_ended("one", "b", "SUCCESS", "2") is True


def test_a_chord_that_an_older_release_sent_is_joined(waiting: list[Message], stock: None) -> None:
    """That release counted the results that were kept, and had no rows of its own."""
    chord([echo.s("a"), echo.s("b")], gather.s()).apply_async()
    [(_, first), (name, second)] = waiting
    TaskResult.objects.store_result(
        "application/json", "utf-8", first.headers["id"], '"a"', "SUCCESS", task_name=name
    )
    waiting.clear()
    app._local.backend = ResultBackend(app=app)
    execute(name, second)
    assert [loads(dumps(body.body))[0] for _, body in waiting] == [[["a", "b"]]]
    assert not ChordCounter.objects.exists()
    assert not Chord.objects.exists()


def test_a_chord_that_nothing_has_happened_to_for_long_is_deleted_with_its_parts() -> None:
    for name, age in {"old": 3, "new": 1}.items():
        chords.begin(name, [app.AsyncResult("a"), app.AsyncResult("b")], 2)
        chords.part_ended(name, "a", "SUCCESS", "1")
        Chord.objects.filter(group_id=name).update(touched_at=timezone.now() - timedelta(days=age))
    chords.purge(timedelta(days=2))
    assert [chord.group_id for chord in Chord.objects.all()] == ["new"]
    assert [part.group_id for part in ChordPart.objects.all()] == ["new"]


def test_the_daily_clean_up_reaches_the_chords() -> None:
    chords.begin("old", [app.AsyncResult("a")], 1)
    Chord.objects.update(touched_at=timezone.now() - timedelta(seconds=app.conf.result_expires + 60))
    app.tasks["celery.backend_cleanup"]()
    assert not Chord.objects.exists()


READ = """
    SELECT coalesce(sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)), 0)
    FROM pg_stat_xact_user_tables
"""


def cost_of_last_but_one(parts: int) -> tuple[int, int]:
    """Statements and rows that the end of a part reads in a chord of so many, of which two are left."""
    waiting = [Context(id=f"{parts} {n}", group=f"{parts}", task="gallery.io_echo") for n in range(parts)]
    backend = ResultBackend(app=app)
    header = app.GroupResult(f"{parts}", [app.AsyncResult(part.id) for part in waiting])
    backend.apply_chord(header, gather.s())
    for part in waiting[:-2]:
        backend.on_chord_part_return(part, "SUCCESS", "x")
    with connection.cursor() as cursor:
        before = cursor.execute(READ).fetchone()[0]
        with CaptureQueriesContext(connection) as statements:
            backend.on_chord_part_return(waiting[-2], "SUCCESS", "x")
        return len(statements), cursor.execute(READ).fetchone()[0] - before


def test_the_end_of_a_part_costs_the_same_in_a_large_chord() -> None:
    statements, rows = cost_of_last_but_one(3)
    assert (statements, rows) == cost_of_last_but_one(300)
    assert statements == 1


@pytest.mark.django_db(transaction=True)
def test_of_parts_that_end_at_the_same_time_one_is_told_that_all_have_ended() -> None:
    """And nobody before, though each but the last eight runs twice."""
    parts = [f"{number}" for number in range(60)]
    chords.begin("one", [app.AsyncResult(part) for part in parts], len(parts))

    def end(part: str) -> bool | None:
        try:
            return chords.part_ended("one", part, "SUCCESS", "1")
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        assert not any(threads.map(end, parts[:-8] * 2))
        assert sorted(map(bool, threads.map(end, parts[-8:]))) == [False] * 7 + [True]
    assert Chord.objects.get().ended == len(parts)
