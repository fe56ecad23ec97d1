"""What a call costs its request, in what can be counted: statements, look-ups of settings, function calls."""

from collections.abc import Callable
from contextlib import closing
from contextvars import Context
from typing import Any

import pytest
from celery import Task
from celery.app.utils import Settings
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from app.celery import app
from switchyard.outbox.capture import captured
from tests.calls import functions_called_by

pytestmark = pytest.mark.django_db(transaction=True)

noop = app.tasks["gallery.io_wait"]


@transaction.atomic
def call(times: int, by: Callable[[str], Any] = noop.delay) -> None:
    for number in range(times):
        by(str(number))


@pytest.mark.parametrize("times", [1, 100])
@pytest.mark.parametrize("by", [noop.delay, noop.delay_on_commit], ids=["delay", "delay_on_commit"])
def test_any_number_of_calls_is_one_statement_of_their_transaction(
    times: int, by: Callable[[str], Any]
) -> None:
    call(0, by)
    with CaptureQueriesContext(connection) as without:
        call(0, by)
    with CaptureQueriesContext(connection) as queries:
        call(times, by)
    assert len(queries) == len(without) + 1


def test_a_call_looks_up_next_to_nothing_in_celerys_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    call(1)
    seen: list[str] = []
    look_up = Settings.__getitem__

    def counted(settings: Any, key: str) -> Any:
        seen.append(key)
        return look_up(settings, key)

    monkeypatch.setattr(Settings, "__getitem__", counted)
    call(1)
    assert seen == []


#: As beat sends an entry.
ENTRYS = {"task_id": "0f0e", "headers": {"periodic_task_name": "nightly"}}


@pytest.mark.parametrize("by", [noop.apply_async, noop.apply_async_on_commit], ids=["", "on commit"])
@pytest.mark.parametrize("options", [{}, ENTRYS], ids=["plain", "of an entry"])
def test_a_plain_call_is_less_than_half_of_what_celery_does_for_one(
    options: dict[str, Any], by: Callable[..., Any]
) -> None:
    def celerys() -> None:
        with captured():
            Task.apply_async(noop, ("1",), {}, **options)

    def plain() -> None:
        by(("1",), {}, **options)

    def both() -> tuple[int, int]:
        with closing(connection), transaction.atomic():
            return the_second_time(plain), the_second_time(celerys)

    ours, stock = in_no_context(both)
    assert ours < stock / 2


#: From the call to its row, which waits for the commit. ``delay_on_commit`` was 314 while it asked for no
#: other code, settings or transactions.
MOST_CALLS = {"delay": 330, "delay_on_commit": 300}


@pytest.mark.parametrize(("name", "most"), MOST_CALLS.items())
def test_a_call_makes_few_calls_until_its_row_waits_for_the_commit(name: str, most: int) -> None:
    def counted() -> int:
        with closing(connection), transaction.atomic():
            return the_second_time(lambda: getattr(noop, name)("1"))

    assert in_no_context(counted) < most


def in_no_context(code: Callable[[], Any]) -> Any:
    """structlog walks all a context has, and what other tests bound stays in theirs."""
    return Context().run(code)


def the_second_time(code: Callable[[], object]) -> int:
    """When what is made once has been made."""
    code()
    return functions_called_by(code)
