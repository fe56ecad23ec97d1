"""A call inside another database's transaction, which the outbox's own commit knows nothing of."""

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any

import pytest
from celery.canvas import chain
from django.core.handlers.base import BaseHandler
from django.db import connections, transaction
from django.http import HttpRequest, HttpResponse
from hypothesis import given
from hypothesis import strategies as st

from app.celery import app
from switchyard.outbox.models import Message
from switchyard.outbox.sending import send_on_commit
from tests.second_database import second_database

pytestmark = pytest.mark.django_db(transaction=True)

io_wait = app.tasks["gallery.io_wait"]

DATABASES = ("default", "second", "third")


@pytest.fixture(autouse=True)
def databases() -> Iterator[None]:
    with ExitStack() as stack:
        for alias in DATABASES[1:]:
            stack.enter_context(second_database(alias))
        yield


def kept() -> list[str]:
    """The first argument of each message in the outbox."""
    return [message.body.split('"')[1] for message in Message.objects.order_by("id")]


def test_what_is_called_in_another_databases_transaction_goes_with_it() -> None:
    with transaction.atomic(using="second"):
        task_id = io_wait.delay_on_commit("rolled back")
        transaction.set_rollback(True, using="second")
    assert task_id
    with transaction.atomic(using="second"):
        io_wait.delay_on_commit("kept")
        send_on_commit(chain(io_wait.s("chained"), io_wait.si("then")))
        assert kept() == []
    assert kept() == ["kept", "chained"]


class Undone(Exception):
    """Ends a block by a rollback."""


def undo() -> None:
    raise Undone


#: A block: its database, whether it rolls back, and what is in it; None is a call.
BLOCKS = st.recursive(
    st.none(),
    lambda inner: st.tuples(st.sampled_from(DATABASES), st.booleans(), st.lists(inner, max_size=3)),
    max_leaves=8,
)


class Course:
    """Does what steps say, and notes the calls and which of them are to be kept."""

    def __init__(self) -> None:
        self.called: list[str] = []
        self.expected: list[str] = []

    def run(self, steps: list[Any], around: tuple[tuple[str, bool], ...] = ()) -> None:
        for step in steps:
            if step is None:
                self._call(around)
            else:
                with suppress(Undone):
                    self._block(*step, around)

    def _call(self, around: tuple[tuple[str, bool], ...]) -> None:
        key = f"call {len(self.called)}"
        self.called.append(key)
        io_wait.delay_on_commit(key)
        if not _lost(around):
            self.expected.append(key)

    def _block(self, alias: str, rolls_back: bool, steps: list[Any], around: Any) -> None:
        with transaction.atomic(using=alias):
            self.run(steps, (*around, (alias, rolls_back)))
            if rolls_back:
                undo()


def _lost(around: tuple[tuple[str, bool], ...]) -> bool:
    """Whether one of the blocks around a call rolls back before, or as, the message is written: with the
    commit of ``default``, or without a transaction there when all the others have committed.
    """
    aliases = [alias for alias, _ in around]
    outermost = aliases.index("default") if "default" in aliases else 0
    return any(rolls_back for _, rolls_back in around[outermost:])


@given(st.lists(BLOCKS, max_size=4))
def test_a_call_is_kept_if_all_that_was_open_around_it_commits(steps: list[Any]) -> None:
    Message.objects.all().delete()
    course = Course()
    course.run(steps)
    assert sorted(kept()) == sorted(course.expected)


@pytest.mark.parametrize("fails", [False, True])
def test_a_request_that_is_a_transaction_on_each_of_several_databases(fails: bool) -> None:
    """Django has that of ``default`` innermost: the row is committed with it."""
    seen: list[bool] = []

    def view(_: HttpRequest) -> HttpResponse:
        seen.extend(connections[alias].in_atomic_block for alias in DATABASES)
        io_wait.delay_on_commit("from a view")
        if fails:
            raise Undone
        return HttpResponse()

    with ExitStack() as stack:
        for alias in DATABASES:
            patch = stack.enter_context(pytest.MonkeyPatch.context())
            patch.setitem(connections.settings[alias], "ATOMIC_REQUESTS", True)
        if fails:
            stack.enter_context(pytest.raises(Undone))
        BaseHandler().make_view_atomic(view)(HttpRequest())
    assert seen == [True] * 3
    assert kept() == ([] if fails else ["from a view"])


def test_using_names_the_transaction_whatever_else_is_open() -> None:
    call = partial(io_wait.apply_async_on_commit, using="second")
    with transaction.atomic(using="second"):
        with transaction.atomic():
            call(("later",))
        assert kept() == []
    assert kept() == ["later"]
    with transaction.atomic(using="second"):
        send_on_commit(io_wait.s("at once"), using="default")
        assert kept() == ["later", "at once"]
        transaction.set_rollback(True, using="second")
    call(("without one",))
    assert kept() == ["later", "at once", "without one"]


def test_a_hook_that_raises_after_the_other_commit_does_not_lose_the_message() -> None:
    def call() -> None:
        with transaction.atomic(using="second"):
            transaction.on_commit(undo, using="second")
            io_wait.delay_on_commit("kept")

    with pytest.raises(Undone):
        call()
    assert kept() == ["kept"]
