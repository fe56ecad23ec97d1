"""A clock that goes wrong by an hour or so: ``datetime`` and ``time.time`` of chosen modules."""

import time
from datetime import datetime, timedelta, tzinfo
from types import SimpleNamespace
from typing import Any

import pytest


def ahead(by: timedelta) -> type[datetime]:
    """``datetime`` of a clock that is ahead by so much."""

    class Stepped(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return datetime.now(tz) + by

    return Stepped


def stepped(monkeypatch: pytest.MonkeyPatch, by: timedelta, *names: str) -> None:
    """Have these names (``module.datetime``, ``module.time``) be of a clock that is ahead by so much."""
    seconds = SimpleNamespace(**vars(time) | {"time": lambda: time.time() + by.total_seconds()})
    for name in names:
        monkeypatch.setattr(name, ahead(by) if name.endswith(".datetime") else seconds)
