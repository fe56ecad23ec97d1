"""Writes texts so that a database, a broker, a terminal and a browser can take them.

PostgreSQL keeps no NUL, UTF-8 has no half of a surrogate pair, and a terminal or a browser obeys what it
should only show (escape sequences, marks that turn the direction of writing). What is not fit is written as
Python would write it in a literal: ``\\x00``, ``\\udcff``, ``\\u202e``.
"""

from typing import Any


def is_text(value: Any) -> bool:
    """Whether it is text that PostgreSQL and UTF-8 can hold."""
    is_str = type(value) is str or isinstance(value, str)
    return is_str and "\0" not in value and (value.isascii() or _is_utf8(value))


def storable(text: str) -> str:
    """The same, if ``is_text``; otherwise with what is not fit written out."""
    return text if is_text(text) else text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def printable(text: str, *, lines: bool = False) -> str:
    """The same with what moves a cursor or turns the writing written out; with ``lines``, new lines stay."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() or (lines and each == "\n") else _written(each) for each in text
    )


def shortened(text: str, longest: int) -> str:
    """At most ``longest`` characters and a note: the beginning and the end, which say most of an error."""
    if len(text) <= longest:
        return text
    half = longest // 2
    return f"{text[:half]} ... ({len(text) - 2 * half:,} characters left out) ... {text[-half:]}"


def _written(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def _is_utf8(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
