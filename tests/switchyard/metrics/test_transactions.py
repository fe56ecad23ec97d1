"""A scrape says how old the oldest transaction is, whose, and what is kept for it."""

import pytest
from django.db import connection

from switchyard.metrics.transactions import read_transactions
from switchyard.outbox.models import Message
from tests.live.processes import eventually
from tests.switchyard.relay.instant import fill, open_transaction, session

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_oldest_transaction_and_its_owner_are_told() -> None:
    with session() as first, session() as second:
        first.execute("SET application_name = 'a report'")
        first.commit()
        first.execute("SELECT 1")
        eventually(lambda: read_transactions().oldest_seconds > 0.5)
        second.execute("SELECT 1")
        found = read_transactions()
        assert found.owner.endswith(" a report")
        assert found.oldest_seconds > 0.5
        assert found.hidden == 0
        first.rollback()
        assert read_transactions().oldest_seconds < found.oldest_seconds


def test_what_a_user_may_not_see_is_counted() -> None:
    with session() as other, connection.cursor() as cursor:
        other.execute("SELECT 1")
        cursor.execute("CREATE ROLE plain")
        try:
            cursor.execute("SET ROLE plain")
            found = read_transactions()
        finally:
            cursor.execute("RESET ROLE")
            cursor.execute("DROP ROLE plain")
        assert found.hidden >= 1


def test_rows_that_are_kept_for_it_are_counted_by_table() -> None:
    with open_transaction():
        fill(300)
        Message.objects.all().delete()
        eventually(lambda: read_transactions().dead_rows["switchyard_outbox"] >= 300, within=30)
