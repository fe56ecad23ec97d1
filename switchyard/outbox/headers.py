"""Checks each header of a task message against its rule (``switchyard.outbox.header_rules``).

Looked at twice, by the same rules: at the call, which is refused (``switchyard.outbox.amqp``), and in the
worker, which trusts no sender (``switchyard.worker.refusal``). A header that only informs decides nothing at
either end: what is wrong with it is mended, or left out.
"""

from collections.abc import Mapping, MutableMapping
from types import MappingProxyType
from typing import Any

from celery.app.task import Context

from switchyard.outbox.context import HEADER, plain_values
from switchyard.outbox.header_rules import HEADERS, SENT_AT, TEXT, is_key, is_writable
from switchyard.text import storable

REQUIRED = ("task", "id")

#: Tables of others, whose values may be anything: stamps, and where instrumentations (Sentry's) have theirs.
OPEN = {"stamps", "headers"}


#: Nothing is done otherwise for what they say.
INFORMING = {"lang", "shadow", "argsrepr", "kwargsrepr", "origin", "headers", SENT_AT, HEADER}

#: What Celery's request of a task has, and no sender may set by a header of that name.
RESERVED = set(dir(Context)) - HEADERS.keys()

#: Whose value nobody can change.
CONSTANT = {str, int, float, bool, type(None)}

#: Of a message whose headers nobody has looked at.
NONE_KNOWN: Mapping[Any, Any] = MappingProxyType({})

_HOLDS = {name: rule.holds for name, rule in HEADERS.items()}
_CLOSED = HEADERS.keys() - OPEN


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


def known_in(headers: Mapping[Any, Any]) -> dict[Any, Any]:
    """Those whose values are as their rules say, and will be: to compare the next message's with."""
    return {
        name: value
        for name, value in headers.items()
        if name in _CLOSED and type(value) in CONSTANT and (value is None or _HOLDS[name](value))
    }


def are_usual(headers: Mapping[Any, Any], known: Mapping[Any, Any] = NONE_KNOWN) -> bool:
    """Whether there is nothing about them to refuse, to mend or to leave out: those of nearly all messages.

    One look at each, where to find all three out takes three; and none at the very values that are ``known``.
    """
    for name, value in headers.items():
        if name in known and known[name] is value:
            continue
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
        if name in _CLOSED or (name in OPEN and not value):
            continue
        if not (is_key(name) and is_writable(value)):
            return str(name) or "''"
    return ""


def _mended(name: str, value: Any) -> Any:
    """None if nothing of it can be kept."""
    if name == HEADER and isinstance(value, Mapping):
        return plain_values(value)
    return storable(value) if isinstance(value, str) and HEADERS[name] is TEXT else None
