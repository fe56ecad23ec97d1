"""``.delay()`` and all its kin go with the caller's transaction, wherever they are called."""

import asyncio
import datetime
import json
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar
from unittest import mock

import pytest
from celery import Task, chain, chord, group
from celery.result import AsyncResult
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from kombu.exceptions import OperationalError

from app.celery import app
from switchyard import TaskCallError, send_on_commit
from switchyard.outbox.at_once import publishing_at_once
from switchyard.outbox.models import Message
from switchyard.tasks.base import RoutedTask
from switchyard.tasks.retries import backoff_of
from tests.gallery.tasks import join, part

# The broker of tests/settings.py cannot be reached: whatever asks it fails otherwise.
pytestmark = pytest.mark.django_db(transaction=True)

io_wait: Any = app.tasks["gallery.io_wait"]


def soon() -> datetime.datetime:
    return timezone.now() + datetime.timedelta(seconds=30)


def rolled_back(call: Callable[[], Any]) -> None:
    with transaction.atomic():
        call()
        transaction.set_rollback(True)


#: The call, and how many messages it is.
WAYS: dict[str, tuple[Callable[[], Any], int]] = {
    "delay": (lambda: io_wait.delay("a"), 1),
    "apply_async": (lambda: io_wait.apply_async(("a",)), 1),
    "countdown": (lambda: io_wait.apply_async(("a",), countdown=5), 1),
    "eta": (lambda: io_wait.apply_async(("a",), eta=soon()), 1),
    "expires": (lambda: io_wait.apply_async(("a",), expires=60), 1),
    "link": (lambda: io_wait.apply_async(("a",), link=io_wait.si("b")), 1),
    "signature": (io_wait.s("a").delay, 1),
    "called signature": (partial(io_wait.s("a").apply_async, countdown=3), 1),
    "by name": (lambda: app.send_task("gallery.io_wait", ["a"]), 1),
    "by name, positional": (lambda: app.send_task("gallery.io_wait", ("a",), {}, 5, None, "its-own-id"), 1),
    "chain": (lambda: chain(io_wait.si("a"), io_wait.si("b")).delay(), 1),
    "group": (group(io_wait.si(key) for key in "abc").delay, 3),
    "called group": (group(io_wait.si(key) for key in "abc"), 3),
    "chord": (lambda: chord([part.si("a", number, False) for number in (0, 1)], join.s("a")).delay(), 2),
    "called chord": (lambda: chord([part.si("a", number, False) for number in (0, 1)])(join.s("a")), 2),
    "group in a chain": ((io_wait.si("a") | group(io_wait.si("b"), io_wait.si("c"))).delay, 1),
    "chunks": (lambda: io_wait.chunks([("a",), ("b",)], 1).delay(), 2),
}
EVERY_WAY = pytest.mark.parametrize(("call", "count"), WAYS.values(), ids=WAYS.keys())


@EVERY_WAY
def test_every_way_of_a_call_is_rows_of_the_outbox(call: Callable[[], Any], count: int) -> None:
    result = call()
    rows = [*Message.objects.order_by("id")]
    assert len(rows) == count
    if count == 1 and not result.children:
        assert (result.parent or result).id == rows[0].task_id


@EVERY_WAY
def test_every_way_of_a_call_goes_with_its_transaction(call: Callable[[], Any], count: int) -> None:
    with transaction.atomic():
        call()
        assert not Message.objects.exists()
        rolled_back(call)
    assert Message.objects.count() == count
    rolled_back(call)
    assert Message.objects.count() == count


@EVERY_WAY
def test_every_way_of_a_call_is_published_where_the_broker_has_to_confirm_it(
    call: Callable[[], Any], count: int
) -> None:
    """Control: the broker's absence is noticed there, and nothing becomes a row."""
    with publishing_at_once(), pytest.raises(OperationalError):
        call()
    assert not Message.objects.exists()


def test_a_canvas_outside_a_transaction_is_one_statement_and_one_refusal_refuses_all_of_it() -> None:
    io_wait.delay("what is made once")
    with CaptureQueriesContext(connection) as one:
        io_wait.delay("a")
    with CaptureQueriesContext(connection) as hundred:
        group(io_wait.si(str(number)) for number in range(100)).delay()
    assert len(hundred) == len(one)
    kept = Message.objects.count()
    with pytest.raises(TaskCallError):
        group([io_wait.si("a"), io_wait.si(object())]).delay()
    assert Message.objects.count() == kept


def test_where_autocommit_is_off_a_call_is_part_of_what_is_committed_by_hand() -> None:
    for end, kept in ((transaction.rollback, 0), (transaction.commit, 2)):
        transaction.set_autocommit(False)
        try:
            io_wait.delay("a")
            io_wait.delay_on_commit("b")
            end()
        finally:
            transaction.set_autocommit(True)
        assert Message.objects.count() == kept


def test_a_call_in_an_event_loop_is_kept_too() -> None:
    async def view() -> list[Any]:
        return [io_wait.delay("a"), io_wait.delay_on_commit("b"), group(io_wait.si("c")).delay()]

    first, second, _ = asyncio.run(view())
    assert {first.id, second.id} < {*Message.objects.values_list("task_id", flat=True)}
    assert Message.objects.count() == 3


def test_a_call_in_a_hook_of_the_commit_is_kept_after_it() -> None:
    """As on stock Celery, with what that leaves open: who dies between the commit and the hook loses it."""
    with transaction.atomic():
        transaction.on_commit(lambda: io_wait.delay("a"))
        transaction.on_commit(group(io_wait.si("b"), io_wait.si("c")).delay)
        assert not Message.objects.exists()
    assert Message.objects.count() == 3


@pytest.mark.django_db
def test_in_djangos_testcase_a_call_outside_of_a_block_is_there_at_once(
    django_capture_on_commit_callbacks: Any,
) -> None:
    io_wait.delay("a")
    assert Message.objects.count() == 1
    with django_capture_on_commit_callbacks(execute=True):
        with transaction.atomic():
            io_wait.delay("b")
        io_wait.delay_on_commit("c")
        assert Message.objects.count() == 1
    assert Message.objects.count() == 3


def test_the_results_of_a_group_are_those_of_its_messages() -> None:
    result = group(io_wait.si("a"), io_wait.si("b")).delay()
    assert {child.id for child in result.children} == {*Message.objects.values_list("task_id", flat=True)}


def test_the_result_of_a_call_on_commit_is_its_id_as_text_too() -> None:
    result = io_wait.delay_on_commit("a")
    assert isinstance(result, AsyncResult)
    assert isinstance(result, str)
    [row] = Message.objects.all()
    assert (result, result.id, f"{result}", json.loads(json.dumps(result))) == (row.task_id,) * 4
    assert {row.task_id: 1}[result] == 1
    assert Message.objects.filter(task_id=result).exists()
    assert type(io_wait.delay("b")).__mro__[1] is AsyncResult


def test_what_a_test_runs_eagerly_runs_as_on_stock_celery(settings: Any) -> None:
    """Whose ``delay`` runs at once, and whose ``delay_on_commit`` runs after the commit."""
    ran: list[str] = []

    @app.task(name="gallery.io_eager", shared=False)
    def task(key: str) -> None:
        ran.append(key)

    @app.task(name="gallery.io_divide", shared=False)
    def divide(by: int) -> float:
        return 1 / by

    settings.CELERY_TASK_ALWAYS_EAGER = True
    settings.CELERY_TASK_EAGER_PROPAGATES = True
    try:
        with transaction.atomic():
            assert task.delay("at once").successful()
            late = task.delay_on_commit("then")
            chained = send_on_commit(chain(task.si("and this"), task.si("and that")))
            assert ran == ["at once"]
        assert ran == ["at once", "then", "and this", "and that"]
        assert len({late, chained}) == 2
        rolled_back(lambda: task.delay_on_commit("never"))
        group(task.si(key) for key in "ab").delay()
        chord([task.si("c")], task.si("d")).delay()
        assert ran[4:] == ["a", "b", "c", "d"]
        with pytest.raises(TypeError, match="argument"):
            task.delay()
        with pytest.raises(ZeroDivisionError):
            divide.delay(0)
    finally:
        app.tasks.unregister(task.name)
        app.tasks.unregister(divide.name)
    assert not Message.objects.exists()


@pytest.mark.parametrize("method", ["delay", "delay_on_commit"])
def test_a_test_may_put_a_mock_in_the_place_of_apply_async(method: str) -> None:
    io_wait.delay("what is made once")
    with mock.patch.object(io_wait, "apply_async") as called:
        getattr(io_wait, method)("a", seconds=1)
    called.assert_called_once_with(("a",), {"seconds": 1})
    assert Message.objects.count() == 1


class Library(Task):
    """A base as a library brings one: Celery's own beneath, and options and hooks of its own."""

    abstract = True
    max_retries = 9
    bound: ClassVar[list[str]] = []

    @classmethod
    def on_bound(cls, app: Any) -> None:
        cls.bound.append(str(cls.name))

    def apply_async(self, args: Any = None, kwargs: Any = None, **options: Any) -> Any:
        options["headers"] = {"library": "was here", **(options.get("headers") or {})}
        return super().apply_async(args, kwargs, **options)


class Written(Library):
    """A task that is written as a class."""

    name = "gallery.io_written"

    def run(self, key: str) -> str:
        return key


def decorated() -> Any:
    @app.task(name="gallery.io_decorated", base=Library, shared=False)
    def echo(key: str) -> str:
        return key

    return echo


@pytest.mark.parametrize(
    "make", [decorated, lambda: app.register_task(Written()), lambda: app.register_task(Written)]
)
def test_a_task_of_another_base_keeps_all_that_is_ours_and_all_that_is_its_own(make: Any) -> None:
    task = make()
    try:
        task = app.tasks[task.name]
        for call in (task.delay, task.delay, task.delay_on_commit, task.s().delay):
            call("a")
        rows = [*Message.objects.all()]
        assert len(rows) == 4
        assert all('"library": "was here"' in row.headers for row in rows)
        assert isinstance(task, RoutedTask)
        assert isinstance(task, Library)
        assert (task.max_retries, backoff_of(task), task.routed_to) == (9, (2, 600), "io")
        assert task.name in Library.bound
        assert task.soft_time_limit
    finally:
        app.tasks.unregister(task.name)
