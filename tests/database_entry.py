"""The entry of DATABASES, for a test that has it be another for a while."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection


@contextmanager
def changed() -> Iterator[dict[str, Any]]:
    """To be changed in place, nobody connected; as it was after the block, and nobody connected."""
    database = connection.settings_dict
    before = dict(database)
    connection.close()
    database["OPTIONS"] = dict(database["OPTIONS"])
    try:
        yield database
    finally:
        connection.close()
        connection.close_pool()
        database.clear()
        database.update(before)
