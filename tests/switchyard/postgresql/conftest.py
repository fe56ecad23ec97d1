"""The test's database by a small pool, as a worker on threads has it."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections

from tests.database_entry import changed


@pytest.fixture
def pooled(transactional_db: None) -> Iterator[Any]:
    """This thread's connection to it."""
    with changed() as database:
        database["OPTIONS"]["pool"] = {"min_size": 1, "max_size": 2, "timeout": 1}
        database.update(CONN_MAX_AGE=0, CONN_HEALTH_CHECKS=False, TRANSACTION_POOLING=True)
        yield connections["default"]
