"""Formats numbers and tables for somebody with little time; ``-`` is what nobody can say."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from switchyard.text import printable

if TYPE_CHECKING:
    # Only named: whoever formats a table for a terminal may have no settings yet.
    from switchyard.outbox.backlog import Backlog

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def duration(seconds: float | None) -> str:
    """The two largest units of it: ``4 min 10 s``; ``never`` for infinity, ``-`` for what is not known."""
    if seconds is None:
        return "-"
    if math.isinf(seconds):
        return "never"
    left = round(seconds)
    if left < 1:
        return f"{seconds:.1f} s" if seconds > 0 else "0 s"
    parts: list[str] = []
    for size, unit in _UNITS:
        count, left = divmod(left, size)
        if count or parts:
            parts.append(f"{count} {unit}" if count else "")
    return " ".join(filter(None, parts[:2]))


def count(number: float | None) -> str:
    return "-" if number is None else f"{number:,.0f}"


def amount(backlog: "Backlog | None") -> str:
    """Of the messages that wait: a count, or ``about 1,000,000``."""
    if backlog is None:
        return "0"
    return f"about {count(backlog.waiting)}" if backlog.estimated else count(backlog.waiting)


def rate(number: float | None) -> str:
    """Messages a second, with a digit where it says something."""
    if number is None:
        return "-"
    return f"{number:,.1f}/s" if abs(number) < 100 else f"{number:,.0f}/s"


def signed(number: float | None) -> str:
    if number is None:
        return "-"
    # What would be shown as 0.0 has no sign.
    return rate(0.0) if abs(number) < 0.05 else f"{'+' if number > 0 else '-'}{rate(abs(number))}"


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows with the same keys as text: keys as headings, numbers to the right, the rest to the left."""
    if not rows:
        return "(none)"
    columns = [[key, *(_cell(row[key]) for row in rows)] for key in rows[0]]
    widths = [max(map(len, column)) for column in columns]
    numeric = [all(isinstance(row[key], int | float) for row in rows) for key in rows[0]]
    lines = [
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, numeric, strict=True)
        ).rstrip()
        for line in zip(*columns, strict=True)
    ]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return printable(", ".join(map(str, value))) or "-"
    return "-" if value is None else printable(str(value))
