"""Whatever somebody logs is a line of valid JSON, and no longer than a collector takes."""

import json
import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchyard.process.json_lines import DEEPEST, LONGEST_FIELD, LONGEST_LINE, as_json


class Unspeakable:
    def __str__(self) -> str:
        raise ZeroDivisionError


def loop() -> dict[str, Any]:
    found: dict[str, Any] = {}
    found["itself"] = found
    return found


def read(event: Any) -> Any:
    """As a strict reader does: NaN is no JSON."""

    def refuse(name: str) -> None:
        raise ValueError(name)

    return json.loads(as_json(event), parse_constant=refuse)


def test_the_usual_is_as_it_was() -> None:
    event = {
        "event": "task_succeeded",
        "seconds": 0.5,
        "retries": 0,
        "of": [None, True],
        "price": Decimal("1.5"),
    }
    assert as_json(event) == json.dumps(event, default=str)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ({(1, 2): "x"}, {"(1, 2)": "x"}),
        ({None: 1, 2: 3, "x": math.nan}, {"None": 1, "2": 3, "x": "nan"}),
        (Unspeakable(), "<Unspeakable>"),
        ({Unspeakable(): 1}, {"<Unspeakable>": 1}),
        (math.nan, "nan"),
        ([math.inf, 1.5], ["inf", 1.5]),
        pytest.param(10**5000, "<int>", id="a number of 5,001 digits"),
        ({1, 2}, "{1, 2}"),
    ],
)
def test_what_is_no_json_is_written_as_text(value: Any, written: Any) -> None:
    assert read({"event": "e", "value": value}) == {"event": "e", "value": written}


def test_what_holds_itself_ends() -> None:
    line = as_json({"event": "e", "value": loop()})
    assert line.count("itself") == DEEPEST - 1
    assert read({"event": "e", "value": loop()})["event"] == "e"


def test_a_long_field_keeps_its_beginning_and_its_end_and_the_others_are_whole() -> None:
    found = read({"event": "e", "body": "a" + "x" * 100_000 + "z", "task_id": "t"})
    assert (found["event"], found["task_id"]) == ("e", "t")
    assert found["body"].startswith("ax")
    assert found["body"].endswith("xz")
    assert "characters" in found["body"]


def test_too_many_fields_are_counted() -> None:
    found = read({"event": "e"} | {f"field {number}": "x" * 5_000 for number in range(40)})
    assert found["event"] == "e"
    assert found["fields_left_out"] == 41 - (len(found) - 1)


anything = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.just(Unspeakable())
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.text(), st.integers(), st.tuples(st.integers())), inner, max_size=3),
    ),
)


@given(
    event=st.dictionaries(st.text(), anything, max_size=5), long=st.sampled_from(["", "é", "\n", "\ud800"])
)
def test_any_event_is_a_line_of_bounded_valid_json(event: dict[str, Any], long: str) -> None:
    line = as_json(event | {"long": long * 20 * LONGEST_FIELD})
    assert "\n" not in line
    assert len(line) <= LONGEST_LINE
    read(event | {"long": long * 20 * LONGEST_FIELD})
