"""A time that cannot be is told from one that can."""

import math
import time
from datetime import UTC, datetime, timedelta

import pytest

from switchyard.clock import Step, age

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(None, None), (0.0, 0.0), (5.0, 5.0), (-0.2, 0.0), (-59.0, 0.0), (-86_359.0, math.inf)],
)
def test_an_age_below_zero_is_bad_beyond_what_two_right_clocks_may_differ(seconds, shown) -> None:
    assert age(seconds) == shown


@pytest.mark.parametrize(
    ("passed", "shown", "step"), [(2, 2, 0), (2, 40, 0), (2, 86_402, 86_400), (900, 0, -900)]
)
def test_a_clock_that_is_set_is_noticed_and_one_that_runs_is_not(monkeypatch, passed, shown, step) -> None:
    moments = iter([100.0, 100.0 + passed])
    clock = Step()
    monkeypatch.setattr(time, "monotonic", lambda: next(moments))
    assert clock.seconds(NOON) == 0
    assert clock.seconds(NOON + timedelta(seconds=shown)) == step
