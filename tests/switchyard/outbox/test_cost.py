"""What a call costs its request, in what can be counted: statements, and look-ups of Celery's settings."""

from typing import Any

import pytest
from celery.app.utils import Settings
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from app.celery import app

pytestmark = pytest.mark.django_db(transaction=True)

noop = app.tasks["gallery.io_wait"]


@transaction.atomic
def call(times: int) -> None:
    for number in range(times):
        noop.delay_on_commit(str(number))


@pytest.mark.parametrize("times", [1, 100])
def test_any_number_of_calls_is_one_statement_of_their_transaction(times: int) -> None:
    call(0)
    with CaptureQueriesContext(connection) as without:
        call(0)
    with CaptureQueriesContext(connection) as queries:
        call(times)
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
