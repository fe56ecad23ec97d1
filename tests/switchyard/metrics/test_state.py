"""What the broker's history of a minute comes to, for a person."""

import math

import pytest

from switchyard.metrics.canary import BUSY_SECONDS, QUIET_SECONDS, interval_seconds
from switchyard.metrics.samples import rate, samples_of, slope
from switchyard.metrics.state import QueueState, with_wait
from switchyard.metrics.waits import STALE_SECONDS, Wait


def line(start: float, each: float, count: int = 13) -> tuple[tuple[float, int], ...]:
    return tuple((1000.0 + 5 * step, round(start + 5 * step * each)) for step in range(count))


def state(ready: int | None, *, ack: float = 0.0, growth: float = 0.0, held: int = 0) -> QueueState:
    return QueueState(
        "io", True, 10, messages_ready=ready, messages_unacknowledged=held, ack_rate=ack, growth_rate=growth
    )


def test_samples_come_oldest_first_and_nonsense_is_none_at_all() -> None:
    details = {"samples": [{"sample": 7, "timestamp": 5000}, {"sample": 3, "timestamp": 0}, {"sample": "x"}]}
    assert samples_of(details) == ((0.0, 3), (5.0, 7))
    assert samples_of(None) == samples_of({"samples": "x"}) == ()


def test_a_counter_that_was_reset_counts_from_zero() -> None:
    assert rate(((0.0, 100), (5.0, 150), (10.0, 10))) == pytest.approx(6)
    assert rate(((0.0, 100),)) is None


def test_a_slope_is_that_of_the_line_and_not_of_its_ends() -> None:
    assert slope(line(500, -4)) == pytest.approx(-4)
    assert abs(slope((*line(100, 0), (1065.0, 101)))) < 0.05


def test_an_empty_queue_is_drained_and_one_that_does_not_shrink_never_will_be() -> None:
    assert state(0).drain_seconds == 0
    assert state(0, growth=1).drain_seconds == 0
    assert state(5).drain_seconds == math.inf
    assert state(5, growth=0.1).drain_seconds == math.inf
    assert state(None).drain_seconds is None


def test_what_a_worker_holds_has_to_be_drained_too() -> None:
    assert state(90, held=10, growth=-4).drain_seconds == pytest.approx(25)


def test_the_objective_is_broken_when_as_much_is_ready_as_leaves_within_it() -> None:
    """10 s at 8 a second are 80; from 30 at 2 more a second that is 25 s away."""
    assert state(30, ack=8, growth=2).breach_seconds == pytest.approx(25)
    assert state(80, ack=8, growth=2).breach_seconds == 0
    assert state(30, ack=8, growth=-2).breach_seconds == math.inf
    assert state(0, ack=8, growth=2).breach_seconds == math.inf


def test_where_nothing_leaves_the_objective_is_as_near_as_the_oldest_wait_says() -> None:
    assert state(3).breach_seconds == 10
    assert with_wait(state(3), Wait(None, None, 4.0)).breach_seconds == 6
    assert with_wait(state(3), Wait(None, None, 11.0)).breach_seconds == 0


def test_messages_that_leave_as_dead_letters_count_as_leaving() -> None:
    assert state(30, ack=0, growth=-5).breach_seconds == math.inf


def test_the_oldest_wait_is_that_of_the_canary_that_waits_or_of_the_last_one() -> None:
    assert Wait(0.2, 5.0, 40.0).oldest_seconds(empty=False) == 40
    assert Wait(80.0, 5.0, 1.0).oldest_seconds(empty=False) == 80
    assert Wait(None, None, None).oldest_seconds(empty=True) is None


def test_an_old_wait_is_forgotten_only_when_the_queue_is_empty() -> None:
    old = Wait(80.0, STALE_SECONDS + 1.0, None)
    assert old.oldest_seconds(empty=True) == 0
    assert old.oldest_seconds(empty=False) == 80
    assert Wait(80.0, STALE_SECONDS + 1.0, 90.0).oldest_seconds(empty=True) == 90


def test_a_queue_that_is_scaled_to_zero_is_not_woken_by_a_canary() -> None:
    def asleep(ready: int, consumers: int) -> QueueState:
        return QueueState(
            "cpu", True, 300, messages_ready=ready, messages_unacknowledged=0, consumers=consumers
        )

    assert interval_seconds(asleep(0, 0)) is None
    assert interval_seconds(asleep(0, 1)) == QUIET_SECONDS
    assert interval_seconds(asleep(1, 0)) == BUSY_SECONDS
    assert interval_seconds(None) == BUSY_SECONDS
