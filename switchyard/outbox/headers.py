"""Checks each header of a task message against Celery's task protocol 2, as this project publishes it.

Looked at twice, by the same rules: at the call, which is refused (``switchyard.outbox.amqp``), and in the
worker, which trusts no sender (``switchyard.worker.refusal``). A header that only informs decides nothing at
either end: what is wrong with it is mended, or left out.
"""

import math
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from celery.app.task import Context

from switchyard.outbox.context import HEADER, plain_values
from switchyard.text import is_text, storable

#: Message header: Unix time, in seconds, at which the task was called.
SENT_AT = "sent_at"

#: Characters of a name, as the result table's columns hold them; bytes of an id and of a header's name, as
#: AMQP does.
LONGEST_NAME = 255

#: Levels of lists and tables in a header. What writes and reads them goes as deep as they do.
DEEPEST = 100

#: Seconds; far above it a timer of the pool overflows.
LONGEST_LIMIT = 10 * 365 * 24 * 3600

REQUIRED = ("task", "id")

#: Made once: ``int | float`` is made anew, and is slower to ask, at each look.
NUMBERS = (int, float)
LISTS = (list, tuple)
PLAIN = (str, bool)


@dataclass(frozen=True, slots=True)
class Rule:
    """What a value must be, and how to say so."""

    words: str
    holds: Callable[[Any], bool]


def fault_of_headers(headers: Mapping[Any, Any]) -> str:
    """Which header is missing or of the wrong kind, in words that quote no value; empty if all are right."""
    for name in REQUIRED:
        if headers.get(name) is None:
            return f"no header {name}"
    for name, value in headers.items():
        if name in INFORMING:
            continue
        if name not in HEADERS:
            if not isinstance(name, str):
                return "a header whose name is no text"
        elif value is not None and not HEADERS[name].holds(value):
            return f"header {name} is not {HEADERS[name].words}"
    return ""


def are_usual(headers: Mapping[Any, Any]) -> bool:
    """Whether there is nothing about them to refuse, to mend or to leave out: those of nearly all messages.

    One look at each, where to find all three out takes three.
    """
    for name, value in headers.items():
        if name in _HOLDS:
            if value is not None and not _HOLDS[name](value):
                return False
        elif name in RESERVED or not isinstance(name, str):
            return False
    return headers.get("task") is not None and headers.get("id") is not None


def mend_informing(headers: MutableMapping[Any, Any]) -> None:
    """Make each header that only informs what its rule says, or leave it out."""
    for name in INFORMING & headers.keys():
        value = headers[name]
        if value is not None and not HEADERS[name].holds(value):
            del headers[name]
            mended = _mended(name, value)
            if mended is not None:
                headers[name] = mended


def leave_out_reserved(headers: MutableMapping[Any, Any]) -> list[str]:
    """Take away, and return, what would overwrite a part of the task's request, down to its methods."""
    names = sorted(RESERVED & headers.keys())
    for name in names:
        del headers[name]
    return names


def unwritable(headers: Mapping[Any, Any]) -> str:
    """The name of a header that no message can hold, of those without a rule and open tables; or empty."""
    for name, value in headers.items():
        ruled = name in HEADERS and name not in OPEN
        if not ruled and not (is_key(name) and is_writable(value)):
            return str(name) or "''"
    return ""


def is_writable(value: Any, levels: int = DEEPEST) -> bool:
    """Whether AMQP and JSON can hold it, and all of it is finite: RabbitMQ cannot read a NaN."""
    match value:
        case None | bool() | str() | bytes() | datetime():
            return True
        case int():
            return -(2**63) <= value < 2**63
        case float():
            return math.isfinite(value)
        case list() | tuple():
            return levels > 0 and all(is_writable(item, levels - 1) for item in value)
        case dict():
            return all(map(is_key, value)) and is_writable(list(value.values()), levels)
    return False


def is_name(value: Any) -> bool:
    return is_text(value) and 0 < len(value) <= LONGEST_NAME


def is_id(value: Any) -> bool:
    return is_name(value) and (value.isascii() or len(value.encode()) <= LONGEST_NAME)


def is_key(value: Any) -> bool:
    return isinstance(value, str) and len(value.encode("utf-8", "surrogatepass")) <= LONGEST_NAME


def _mended(name: str, value: Any) -> Any:
    """None if nothing of it can be kept."""
    if name == HEADER and isinstance(value, Mapping):
        return plain_values(value)
    return storable(value) if isinstance(value, str) and HEADERS[name] is TEXT else None


def _is_number(value: Any) -> bool:
    return isinstance(value, NUMBERS) and not isinstance(value, bool) and math.isfinite(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_moment(value: Any) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).timestamp() >= 0
    except (ValueError, OverflowError, OSError):
        return False


def _is_pair_of_limits(value: Any) -> bool:
    return isinstance(value, LISTS) and len(value) == 2 and all(map(_is_limit, value))


def _is_limit(value: Any) -> bool:
    return value is None or (_is_number(value) and 0 < value <= LONGEST_LIMIT)


def _is_table(value: Any) -> bool:
    return isinstance(value, dict) and all(map(is_text, value))


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

_HOLDS = {name: rule.holds for name, rule in HEADERS.items()}

#: Tables of others, whose values may be anything: stamps, and where instrumentations (Sentry's) have theirs.
OPEN = {"stamps", "headers"}

#: Nothing is done otherwise for what they say.
INFORMING = {"lang", "shadow", "argsrepr", "kwargsrepr", "origin", "headers", SENT_AT, HEADER}

#: What Celery's request of a task has, and no sender may set by a header of that name.
RESERVED = set(dir(Context)) - HEADERS.keys()
