"""The nightly purge deletes what has expired and nothing else."""

from datetime import timedelta
from typing import Any

import pytest
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from app.accounts.models import SignUp, Token
from app.accounts.tasks import purge_expired_tokens
from switchyard import database
from switchyard.schedule.sync import SCHEDULE
from tests.app.conftest import Person


@pytest.fixture
def expired(ada: Person) -> None:
    """Five expired tokens beside Ada's own, and five old sign-ups beside a new one."""
    yesterday = timezone.now() - timedelta(days=1)
    for number in range(5):
        Token.objects.create(user=ada.user, digest=str(number), expires_at=yesterday)
        SignUp.objects.create(address="192.0.2.1", created_at=yesterday)
    SignUp.objects.create(address="192.0.2.1")


def test_what_has_expired_is_deleted_and_the_rest_stays(expired: None, ada: Person) -> None:
    purge_expired_tokens.apply(throw=True)
    assert ada.post("/reports", {}).status_code == 400
    assert (Token.objects.count(), SignUp.objects.count()) == (1, 1)


def test_an_expired_token_opens_nothing_even_before_it_is_purged(ada: Person) -> None:
    Token.objects.update(expires_at=timezone.now())
    assert ada.post("/reports", {}).status_code == 401


def test_rows_are_deleted_in_batches(
    expired: None, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    monkeypatch.setattr(database, "BATCH_ROWS", 2)
    # A look at each table, and for each batch what deletes it and the next look.
    with django_assert_num_queries(3 + 6 * 2) as queries:
        purge_expired_tokens.apply(throw=True)
    assert [keys <= 2 for keys in _keys_deleted(queries)] == [True] * 6


def test_a_second_run_deletes_nothing_more(expired: None) -> None:
    purge_expired_tokens.apply(throw=True)
    purge_expired_tokens.apply(throw=True)
    assert (Token.objects.count(), SignUp.objects.count()) == (1, 1)


def test_the_purge_runs_every_night_at_three() -> None:
    entry = SCHEDULE["purge expired tokens"]
    assert entry.task == purge_expired_tokens.name
    assert (entry.crontab.hour, entry.crontab.minute) == ({3}, {0})


def _keys_deleted(queries: CaptureQueriesContext) -> list[int]:
    """How many keys each DELETE names."""
    return [query["sql"].count(",") + 1 for query in queries if query["sql"].startswith("DELETE")]
