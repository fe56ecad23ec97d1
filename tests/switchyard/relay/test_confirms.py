"""Each answer of the broker is for its own message, in whatever order and however late it comes."""

from hypothesis import given
from hypothesis import strategies as st

from switchyard.relay.confirms import Outcome, Window


def window(*rows: int) -> tuple[Window, Outcome]:
    opened, outcome = Window(), Outcome()
    opened.open(outcome)
    for row in rows:
        opened.published(row)
    return opened, outcome


def test_an_answer_is_for_its_own_tag_alone() -> None:
    opened, outcome = window(70, 80, 90)
    opened.acked(2, False)
    assert set(outcome.confirmed) == {80}
    opened.nacked(3, False)
    assert outcome.nacked == {90}
    assert len(opened) == 1
    assert outcome.settled == {80, 90}


def test_an_answer_up_to_a_tag_is_for_all_that_still_wait_up_to_it() -> None:
    opened, outcome = window(70, 80, 90, 95)
    opened.acked(2, False)
    opened.nacked(3, True)
    assert (set(outcome.confirmed), outcome.nacked) == ({80}, {70, 90})
    opened.acked(4, True)
    assert set(outcome.confirmed) == {80, 95}
    assert not opened


def test_a_tag_that_is_not_waited_for_confirms_nothing() -> None:
    opened, outcome = window(70)
    opened.acked(5, False)
    opened.nacked(0, False)
    assert outcome.settled == set()
    opened.acked(1, False)
    opened.acked(1, False)
    assert set(outcome.confirmed) == {70}


def test_tags_go_on_counting_from_one_batch_to_the_next() -> None:
    opened, first = window(70)
    opened.acked(1, False)
    second = Outcome()
    opened.open(second)
    opened.published(80)
    opened.acked(2, False)
    assert (set(first.confirmed), set(second.confirmed)) == ({70}, {80})


def test_a_returned_message_is_not_confirmed_by_the_ack_that_follows_it() -> None:
    opened, outcome = window(70, 80)
    opened.returned(70, "NO_ROUTE")
    opened.acked(2, True)
    assert (outcome.returned, set(outcome.confirmed)) == ({70: "NO_ROUTE"}, {80})


@given(st.lists(st.tuples(st.sampled_from(["ack", "nack"]), st.integers(1, 20), st.booleans()), max_size=40))
def test_no_message_is_ever_answered_twice_or_by_a_tag_below_its_own(answers) -> None:
    opened, outcome = window(*range(101, 121))
    expected: dict[int, str] = {}
    for verb, tag, multiple in answers:
        (opened.acked if verb == "ack" else opened.nacked)(tag, multiple)
        for each in range(1 if multiple else tag, tag + 1):
            expected.setdefault(each + 100, verb)
    assert set(outcome.confirmed) == {row for row, verb in expected.items() if verb == "ack"}
    assert outcome.nacked == {row for row, verb in expected.items() if verb == "nack"}
    assert len(opened) == 20 - len(expected)
