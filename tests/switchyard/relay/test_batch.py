"""A batch's transaction says how PostgreSQL is to read, and pays for that with nothing else."""

from collections.abc import Callable

import pytest
from django.db import connection, transaction

from switchyard.outbox.position import in_order_of_the_index
from switchyard.relay.batch import begin


@pytest.mark.django_db
@pytest.mark.parametrize("begun", [in_order_of_the_index, lambda: begin(5)])
def test_nothing_is_compiled_for_the_costs_that_are_made_up(begun: Callable[[], None]) -> None:
    """Before PostgreSQL 18 what is switched off costs ten billion, and what costs that much is compiled."""
    with transaction.atomic(), connection.cursor() as cursor:
        begun()
        cursor.execute(
            "SELECT setting FROM pg_settings WHERE name = 'jit' OR (name ~ '^enable_' AND setting = 'off')"
        )
        assert {setting for (setting,) in cursor.fetchall()} == {"off"}
