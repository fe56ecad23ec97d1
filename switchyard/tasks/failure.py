"""Describes the exception that ended a task: its own class, what it said and where, within bounds.

An exception may have no text, no ``repr`` and no pickled form, or ten megabytes of each; and it may hold
text that no database can. Whatever is wrong with it, what is kept is its own and not an error about it.
"""

import sys
from collections.abc import Callable
from traceback import format_exception
from typing import Any

from celery.utils.serialization import UnpickleableExceptionWrapper, ensure_serializable
from kombu.utils.json import dumps

from switchyard.text import shortened, storable

#: Characters of what it said, of all its arguments together, and of a traceback.
LONGEST_TEXT = 5_000
LONGEST_TRACEBACK = 50_000


def described(error: BaseException) -> dict[str, Any]:
    """As Celery's JSON backends keep an exception, so that ``AsyncResult.get`` raises it; and its text."""
    text = text_of(error)
    if isinstance(error, UnpickleableExceptionWrapper):
        module, args = error.exc_module, error.exc_args
    else:
        module, args = type(error).__module__, getattr(error, "args", ())
    return {
        "exc_type": class_of(error),
        "exc_message": _arguments(args, text),
        "exc_module": module,
        "exc_text": text,
    }


def class_of(error: BaseException) -> str:
    """The name of its class, or of that which Celery has put a picklable one in the place of."""
    if isinstance(error, UnpickleableExceptionWrapper):
        return str(error.exc_cls_name)
    return type(error).__qualname__


def text_of(error: BaseException) -> str:
    """What it says, or else what it is; never raises."""
    if isinstance(error, UnpickleableExceptionWrapper):
        return shortened(str(error.text), LONGEST_TEXT)  # type: ignore[attr-defined]
    found = attempted(str, error)
    return shortened(attempted(repr, error) or "(it says nothing)" if found is None else found, LONGEST_TEXT)


def attempted(to_text: Callable[[Any], Any], value: Any) -> str | None:
    """None if it raises, be it something that would end the process, or is no text."""
    try:
        text = to_text(value)
    except BaseException:  # noqa: BLE001 - what somebody's __str__ raises must not hide why the task failed
        return None
    return text if isinstance(text, str) else None


def traceback_of(text: str | None) -> str | None:
    """A traceback as a column can hold it."""
    return text and shortened(storable(text), LONGEST_TRACEBACK)


def formatted(error: BaseException) -> str:
    """Its traceback and those of its causes."""
    return attempted(lambda each: "".join(format_exception(each)), error) or class_of(error)


def raised(stand_in: BaseException) -> BaseException:
    """What the task raised, of which Celery's tracer hands on a form that can be pickled.

    For whom the tracer calls: what it handles is still what the task raised.
    """
    handled = sys.exception()
    if handled is None or type(stand_in) in (Exception, BaseException):
        return stand_in
    if isinstance(stand_in, UnpickleableExceptionWrapper):
        same = type(handled).__name__ == stand_in.exc_cls_name
    else:
        # Celery goes up the classes until one can be pickled.
        same = isinstance(handled, type(stand_in))
    return handled if same else stand_in


def _arguments(args: Any, text: str) -> list[Any]:
    """As JSON, if they are not too many; otherwise its text, which is short."""
    try:
        kept = list(ensure_serializable(args, dumps))
        return kept if len(dumps(kept)) <= LONGEST_TEXT else [text]
    except Exception:  # noqa: BLE001 - as above: an argument may raise whatever it likes
        return [text]
