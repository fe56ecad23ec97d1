"""A second database for a test: another alias of the run's own, and so another connection and transaction."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections


@contextmanager
def second_database(alias: str = "second", **settings: Any) -> Iterator[str]:
    """Until the block ends. ``settings`` are Django's of a database; the engine is Django's own."""
    own = connections.settings["default"]
    connections.settings[alias] = own | {"ENGINE": "django.db.backends.postgresql"} | settings
    # Django's TestCase forbids the first use of an alias that it was not told of, but not a connection.
    connections[alias].connect()
    try:
        yield alias
    finally:
        connections[alias].close()
        del connections[alias]
        del connections.settings[alias]
