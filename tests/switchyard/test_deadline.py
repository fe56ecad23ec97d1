"""A read in a thread of its own leaves nothing behind."""

from typing import Any

import pytest
from django.db import connection

from switchyard.deadline import BoundedRead


def opened() -> Any:
    """psycopg's connection, of this thread."""
    connection.ensure_connection()
    return connection.connection


def failing(seen: list[Any]) -> None:
    seen.append(opened())
    raise ZeroDivisionError


@pytest.mark.django_db(transaction=True)
def test_the_database_connection_of_a_read_ends_with_it() -> None:
    found = BoundedRead(opened, 30).result()
    assert found.closed
    seen: list[Any] = []
    with pytest.raises(ZeroDivisionError):
        BoundedRead(lambda: failing(seen), 30).result()
    assert seen[0].closed
