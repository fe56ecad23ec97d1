"""What the operations pages make of numbers, times and payloads."""

import math
from threading import Event

import pytest

from switchyard.ops import timeouts
from switchyard.ops.format import duration, rate, signed
from switchyard.ops.history import Rise, points, rise
from switchyard.ops.redaction import named, redacted


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "-"),
        (math.inf, "never"),
        (0, "0 s"),
        (0.25, "0.2 s"),
        (59.6, "1 min"),
        (250, "4 min 10 s"),
        (7203, "2 h"),
        (90061, "1 d 1 h"),
    ],
)
def test_a_duration_is_said_in_its_two_largest_units(seconds: float | None, said: str) -> None:
    assert duration(seconds) == said


def test_a_rate_has_a_sign_only_where_it_says_something() -> None:
    assert [signed(each) for each in (None, 0.04, -0.04, 1.25, -250)] == [
        "-",
        "0.0/s",
        "0.0/s",
        "+1.2/s",
        "-250/s",
    ]
    assert rate(1234.5) == "1,234/s"


def test_a_rise_is_counted_from_its_low_point_through_small_dips() -> None:
    def found(*depths: int) -> Rise | None:
        return rise([(10.0 * number, depth) for number, depth in enumerate(depths)])

    assert found(0, 0, 50, 120, 118, 200) == Rise(10.0, 0)
    assert found(500, 400, 100, 150, 300) == Rise(20.0, 100)
    assert found(300, 200, 100, 0) is None
    assert found(100, 101, 100) is None
    assert found() is None


def test_a_line_is_drawn_from_zero_to_the_highest() -> None:
    assert points([(0.0, 0), (30.0, 5), (60.0, 10)]) == "0.0,40.0 120.0,20.0 240.0,0.0"
    assert points([(0.0, 7)]) == ""


def test_secrets_are_hidden_by_the_names_of_arguments_however_deep() -> None:
    callback = {"task": "gallery.io_wait", "args": ["hush", 3], "kwargs": {}}
    held = redacted({"arguments": {"user": 7, "password": "hush"}, "options": {"chain": [callback]}})
    assert "hush" not in str(held)
    assert held["arguments"]["user"] == 7
    assert held["options"]["chain"][0]["args"]["seconds"] == 3
    assert named("no.such.task", ["a"], {"b": 1}) == {"argument 1": "a", "b": 1}


def test_a_page_waits_no_longer_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeouts, "PAGE_SECONDS", 0.05)
    over = Event()
    with pytest.raises(timeouts.NoAnswer, match=r"The broker did not answer within 0.05 s"):
        timeouts.within(lambda: over.wait(60), "The broker")
    over.set()
