"""Says of a message's headers whether the C client reads them as py-amqp does.

It ends its process over a name, or a text in a list, that is not UTF-8, makes None of dates, decimals and
bytes, and has no bound for tables in tables. What holds nothing of that is seen at a glance, or by its
outline.
"""

import re

#: Of the types that it does not know, a date and bytes begin with a zero, and a decimal with its scale.
_DATE, _BYTES, _DECIMAL = b"T\0", b"x\0", re.compile(rb"D[\x00-\x1f]")
#: Bytes of a value, by its type: of those that RabbitMQ writes and that mean the same to both.
_SIZES = dict(zip(b"VtbBsuIilfd", (0, 1, 1, 1, 2, 2, 4, 4, 8, 4, 8), strict=True))
_TEXT, _LIST, _TABLE = b"SAF"


def is_readable(table: bytes, others: bytes) -> bool:
    """``table`` without its size; ``others`` are the properties behind it."""
    return _is_plain(others) and (_is_plain(table) or _has_plain_outline(table))


def _is_plain(content: bytes) -> bool:
    """ASCII, so that no text has 128 bytes or more, and no sign of a type that the C client does not know.

    A text that looks like one costs nothing but the time.
    """
    return (
        content.isascii() and _DATE not in content and _BYTES not in content and not _DECIMAL.search(content)
    )


def _has_plain_outline(table: bytes) -> bool:
    """Whether its names are ASCII, its texts UTF-8 and all its other values plain."""
    at = 0
    try:
        while at < len(table):
            value = at + 2 + table[at]
            if not table[at + 1 : value - 1].isascii():
                return False
            at = _end_of_value(table, table[value - 1], value)
    except (IndexError, KeyError, ValueError):
        return False
    return at == len(table)


def _end_of_value(table: bytes, kind: int, start: int) -> int:
    """Raises KeyError for another type, ValueError for what is not plain (UnicodeDecodeError is one)."""
    if kind not in (_TEXT, _LIST, _TABLE):
        return start + _SIZES[kind]
    start += 4
    end: int = start + int.from_bytes(table[start - 4 : start])
    if kind == _TEXT:
        table[start:end].decode()
    elif not _is_plain(table[start:end]):
        raise ValueError("not plain")
    return end
