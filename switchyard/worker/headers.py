"""Checks each header of a task message against Celery's task protocol 2."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from celery.app.task import Context

from switchyard.outbox.context import HEADER
from switchyard.outbox.journal import SENT_AT

#: Characters of an id, as the result table's columns hold them.
LONGEST_ID = 255

#: Seconds; far above it a timer of the pool overflows.
LONGEST_LIMIT = 10 * 365 * 24 * 3600

REQUIRED = ("task", "id")


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
        rule = HEADERS.get(name)
        if rule is None and (not isinstance(name, str) or name in RESERVED):
            return "a header that Celery keeps for itself"
        if rule and value is not None and not rule.holds(value):
            return f"header {name} is not {rule.words}"
    return ""


def is_text(value: Any) -> bool:
    """Text that can be stored: PostgreSQL holds no NUL, and UTF-8 no half of a surrogate pair."""
    return isinstance(value, str) and "\0" not in value and (value.isascii() or _is_utf8(value))


def is_name(value: Any) -> bool:
    return is_text(value) and 0 < len(value) <= LONGEST_ID


def _is_utf8(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


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
    return isinstance(value, list) and len(value) == 2 and all(map(_is_limit, value))


def _is_limit(value: Any) -> bool:
    return value is None or (_is_number(value) and 0 < value <= LONGEST_LIMIT)


def _is_table(value: Any) -> bool:
    return isinstance(value, dict) and all(map(is_text, value))


def _is_flat_table(value: Any) -> bool:
    return _is_table(value) and not any(isinstance(item, dict | list) for item in value.values())


def _is_list_of_names(value: Any) -> bool:
    return isinstance(value, list) and all(map(is_name, value))


NAME = Rule(f"text of 1 to {LONGEST_ID} characters", is_name)
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
    "id": NAME,
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
    SENT_AT: NUMBER,
    HEADER: FLAT_TABLE,
}

#: A header of such a name would overwrite a part of the task's request, down to its methods.
RESERVED = set(dir(Context)) - HEADERS.keys()
