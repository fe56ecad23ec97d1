"""What is written out of a text is what its holder cannot hold, and nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from switchyard.text import is_text, printable, shortened, storable

#: Halves of surrogate pairs among them, which st.text() leaves out.
ANY_TEXT = st.text(st.characters(exclude_categories=()))


@given(ANY_TEXT)
def test_what_is_storable_can_be_stored_and_text_that_could_be_is_left_alone(text: str) -> None:
    stored = storable(text)
    assert is_text(stored)
    assert b"\0" not in stored.encode()
    assert stored == text or not is_text(text)


@given(ANY_TEXT)
def test_what_is_printable_moves_no_cursor_and_turns_no_writing(text: str) -> None:
    assert printable(text).isprintable()
    assert printable(text, lines=True).replace("\n", "").isprintable()
    assert printable(text, lines=True).count("\n") == text.count("\n")


@given(ANY_TEXT, st.integers(2, 50))
def test_what_is_shortened_keeps_its_ends(text: str, longest: int) -> None:
    short = shortened(text, longest)
    assert len(short) <= longest + 50
    assert short == text or (short[0], short[-1]) == (text[0], text[-1])


def test_what_is_written_out_reads_as_in_a_literal() -> None:
    assert storable("nul \x00 half \udcff \u202e") == "nul \\x00 half \\udcff \u202e"
    assert printable("\x1b[2J\x00\udcff\u202e\U0001f600") == "\\x1b[2J\\x00\\udcff\\u202e\U0001f600"
