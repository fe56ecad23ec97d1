"""Makes a line of JSON of whatever somebody logged: always valid, and of a bounded length."""

import json
import math
from typing import Any

from switchyard.text import shortened

#: Characters of a line, and of a field in one that would be longer. Collectors of logs cut lines at 16 KiB to
#: 1 MiB, and what they cut is no JSON any more.
LONGEST_LINE = 64_000
LONGEST_FIELD = 8_000
#: Tables in tables.
DEEPEST = 8

#: Made once: ``json.dumps`` makes an encoder for each call with options.
_ENCODER = json.JSONEncoder(default=str, allow_nan=False)


def as_json(event: Any, **_: Any) -> str:
    try:
        line = _ENCODER.encode(event)
    except Exception:  # noqa: BLE001 - whatever it is made of, it is a line of the log
        line = _ENCODER.encode(_plain(event, DEEPEST))
    return line if len(line) <= LONGEST_LINE else _ENCODER.encode(_shortened(event))


def _plain(value: Any, levels: int) -> Any:
    """The same, of nothing but what JSON has."""
    if isinstance(value, dict):
        return {_text(key): _plain(item, levels - 1) for key, item in value.items()} if levels else "..."
    if isinstance(value, list | tuple):
        return [_plain(item, levels - 1) for item in value] if levels else "..."
    return value if _is_json(value) else _text(value)


def _is_json(value: Any) -> bool:
    """Python cannot write a number of 4,300 digits; a NaN is no JSON."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return -(2**63) <= value < 2**64
    return value is None or isinstance(value, str)


def _text(value: Any) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - a stranger's __str__
        return f"<{type(value).__name__}>"


def _shortened(event: Any) -> dict[str, Any]:
    """Each long field as its beginning and its end, until the line is full; what is left out is counted."""
    found: dict[str, Any] = {}
    room = LONGEST_LINE - LONGEST_FIELD
    for name, value in event.items():
        field = _plain(value, DEEPEST)
        size = len(_ENCODER.encode(field))
        if size > LONGEST_FIELD:
            text = field if isinstance(field, str) else _ENCODER.encode(field)
            # A character of a text may be six in JSON.
            field, size = shortened(text, LONGEST_FIELD // 6), LONGEST_FIELD
        if size > room:
            found["fields_left_out"] = found.get("fields_left_out", 0) + 1
            continue
        found[_text(name)[:200]] = field
        room -= size + 200
    return found
