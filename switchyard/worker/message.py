"""Checks whether a message is a task message at all.

Celery trusts a message once its task is known. A value of another type then fails wherever it is first used,
which may be the worker's event loop (the worker ends), a pool thread (the message is never acknowledged and
its slot stays taken) or the code after the task (it is acknowledged as done). So a message is looked at once,
as a whole, before Celery does.
"""

from collections.abc import Mapping
from typing import Any

from kombu.exceptions import ContentDisallowed

from switchyard.broker.frames import UNREADABLE
from switchyard.outbox.compression import HEADER, kind_of
from switchyard.outbox.header_rules import is_name
from switchyard.outbox.headers import fault_of_headers
from switchyard.text import is_text

#: What the third part of a body may hold: each would be merged into the task's request.
EMBEDDED = {"callbacks", "errbacks", "chain", "chord"}


def fault_of(message: Any) -> str:
    """Why this kombu message is no task message, in words that quote nothing of it; empty if it is one.

    Decodes the body as the JSON that it must be, and as nothing else.
    """
    if UNREADABLE in message.headers:
        return "properties cannot be decoded"
    return fault_of_headers(message.headers) or fault_of_content(message)


def fault_of_content(message: Any) -> str:
    """The same of a message whose headers have been looked at."""
    return _fault_of_kind(message) or _fault_of_body(message)


def _fault_of_kind(message: Any) -> str:
    if message.content_type != "application/json":
        return "content type is not application/json"
    if str(message.content_encoding).lower() != "utf-8":
        return "content encoding is not utf-8"
    if message.errors:
        return "body cannot be decompressed, or is too large when it is"
    if HEADER in message.headers and kind_of(message.headers[HEADER]) is None:
        return "body is compressed in a way that nobody here knows"
    return ""


def _fault_of_body(message: Any) -> str:
    try:
        body = message.decode()
    except ContentDisallowed:
        return "content type is not accepted"
    except Exception:  # noqa: BLE001 - whatever a body does to the decoder, it is the body's fault
        return "body is not JSON"
    match body:
        case [list(), dict(), None]:
            return ""
        case [list(), dict(), dict() as embedded]:
            return _fault_of_embedded(embedded)
        case _:
            return "body is not [args, kwargs, options]"


def _fault_of_embedded(embedded: Mapping[str, Any]) -> str:
    if not embedded.keys() <= EMBEDDED:
        return "an unknown option in the body"
    for name, value in embedded.items():
        signatures = [value] if name == "chord" else value
        if value is not None and not (isinstance(signatures, list) and all(map(_is_signature, signatures))):
            return f"{name} in the body holds no signatures"
    return ""


def _is_signature(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and is_name(value.get("task"))
        and isinstance(value.get("args"), list)
        and isinstance(value.get("kwargs"), dict)
        and isinstance(value.get("options"), dict)
        and is_text(value.get("subtask_type") or "")
    )
