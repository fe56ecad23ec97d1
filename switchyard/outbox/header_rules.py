"""What each header of a task message may hold: Celery's task protocol 2, as this project publishes it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from switchyard.outbox.context import HEADER
from switchyard.text import is_text

#: Message header: Unix time, in seconds, at which the task was called.
SENT_AT = "sent_at"

#: Characters of a name, as the result table's columns hold them; bytes of an id and of a header's name, as
#: AMQP does.
LONGEST_NAME = 255

#: Levels of lists and tables in a header. What writes and reads them goes as deep as they do.
DEEPEST = 100

#: What AMQP counts with 64 bits.
LARGEST = 2**63

#: Seconds; far above it a timer of the pool overflows.
LONGEST_LIMIT = 10 * 365 * 24 * 3600

#: Made once: ``int | float`` is made anew, and is slower to ask, at each look.
NUMBERS = (int, float)
LISTS = (list, tuple)
PLAIN = (str, bool)


@dataclass(frozen=True, slots=True)
class Rule:
    """What a value must be, and how to say so."""

    words: str
    holds: Callable[[Any], bool]


def is_name(value: Any) -> bool:
    return is_text(value) and 0 < len(value) <= LONGEST_NAME


def is_id(value: Any) -> bool:
    return is_name(value) and (value.isascii() or len(value.encode()) <= LONGEST_NAME)


def is_key(value: Any) -> bool:
    return isinstance(value, str) and len(value.encode("utf-8", "surrogatepass")) <= LONGEST_NAME


def is_writable(value: Any, levels: int = DEEPEST) -> bool:
    """Whether AMQP and JSON can hold it, and all of it is finite: RabbitMQ cannot read a NaN."""
    match value:
        case None | bool() | str() | bytes() | datetime():
            return True
        case int():
            return -LARGEST <= value < LARGEST
        case float():
            return math.isfinite(value)
        case list() | tuple():
            return levels > 0 and all(is_writable(item, levels - 1) for item in value)
        case dict():
            return all(map(is_key, value)) and is_writable(list(value.values()), levels)
    return False


def _is_number(value: Any) -> bool:
    number = type(value) in NUMBERS or (isinstance(value, NUMBERS) and not isinstance(value, bool))
    return number and -LARGEST < value < LARGEST


def _is_count(value: Any) -> bool:
    count = type(value) is int or (isinstance(value, int) and not isinstance(value, bool))
    return count and 0 <= value < 2**31


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_moment(value: Any) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).timestamp() >= 0
    except (ValueError, OverflowError, OSError):
        return False


def _is_pair_of_limits(value: Any) -> bool:
    return isinstance(value, LISTS) and len(value) == 2 and _is_limit(value[0]) and _is_limit(value[1])


def _is_limit(value: Any) -> bool:
    return value is None or (_is_number(value) and 0 < value <= LONGEST_LIMIT)


def _is_table(value: Any) -> bool:
    return isinstance(value, dict) and (not value or all(map(is_text, value)))


def _is_flat_table(value: Any) -> bool:
    return _is_table(value) and all(map(_is_plain, value.values()))


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, PLAIN) or _is_number(value)


def _is_list_of_names(value: Any) -> bool:
    return isinstance(value, LISTS) and all(map(is_name, value))


NAME = Rule(f"text of 1 to {LONGEST_NAME} characters without NUL or half a surrogate pair", is_name)
ID = Rule(f"text of 1 to {LONGEST_NAME} bytes in UTF-8 without NUL", is_id)
TEXT = Rule("text", is_text)
COUNT = Rule("a number from 0", _is_count)
FLAG = Rule("true or false", _is_flag)
MOMENT = Rule("a time in ISO 8601", _is_moment)
NUMBER = Rule("a number", _is_number)
LIMITS = Rule("two numbers of seconds", _is_pair_of_limits)
TABLE = Rule("a table", _is_table)
FLAT_TABLE = Rule("a table of plain values", _is_flat_table)
NAMES = Rule("a list of names", _is_list_of_names)

#: Rules for the headers that somebody reads. A void one counts as missing; any other is the sender's own.
HEADERS = {
    "task": NAME,
    "id": ID,
    "lang": TEXT,
    "root_id": NAME,
    "parent_id": NAME,
    "group": NAME,
    "group_index": COUNT,
    "shadow": TEXT,
    "eta": MOMENT,
    "expires": MOMENT,
    "retries": COUNT,
    "timelimit": LIMITS,
    "argsrepr": TEXT,
    "kwargsrepr": TEXT,
    "origin": TEXT,
    "ignore_result": FLAG,
    "replaced_task_nesting": COUNT,
    "stamped_headers": NAMES,
    "stamps": TABLE,
    "headers": TABLE,
    SENT_AT: NUMBER,
    HEADER: FLAT_TABLE,
}
