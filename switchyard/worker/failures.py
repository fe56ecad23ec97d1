"""Writes the line of a task that failed, and has the worker's main process know what it failed with.

| event       | fields                                        |
|-------------|-----------------------------------------------|
| task_failed | task_id, error, exception (the traceback)     |

What a child process reports crosses a pipe: an exception that cannot be pickled arrives as one of Celery's,
and one of ten megabytes three times over. So its class is noted beside it, and it is cut to size.
"""

from typing import Any

import structlog
from billiard.einfo import ExceptionWithTraceback  # type: ignore[attr-defined]
from celery.utils.serialization import UnpickleableExceptionWrapper

from switchyard.tasks.failure import (
    LONGEST_TRACEBACK,
    class_of,
    formatted,
    raised,
    text_of,
    traceback_of,
)

log = structlog.get_logger("switchyard.tasks")

#: Attribute of an ExceptionInfo: the name of the class that the task raised.
CLASS = "raised_class"


def write_failure(sender: Any, task_id: str, exception: BaseException, einfo: Any = None, **_: Any) -> None:
    """Receiver of Celery's ``task_failure``, which is sent in the process in which the task ran."""
    error = raised(exception)
    if einfo is not None:
        if error is not exception:
            einfo.traceback = formatted(error)
        note_class(einfo, error)
    expected = isinstance(exception, tuple(getattr(sender, "throws", ())))
    fields = {} if expected else {"exception": traceback_of(getattr(einfo, "traceback", None))}
    write = log.info if expected else log.error
    write("task_failed", task_id=task_id, error=f"{class_of(error)}: {text_of(error)}", **fields)


def note_class(einfo: Any, error: BaseException) -> None:
    """Let the ExceptionInfo say what was raised, and be small."""
    setattr(einfo, CLASS, class_of(error))
    if einfo.traceback and len(einfo.traceback) > LONGEST_TRACEBACK:
        einfo.traceback = traceback_of(einfo.traceback)
        light = UnpickleableExceptionWrapper(type(error).__module__, class_of(error), (), text_of(error))
        einfo.exception = ExceptionWithTraceback(light, einfo.traceback)


def class_in(einfo: Any, error: BaseException) -> str:
    """The name of the class that a task raised, of what the main process was told."""
    return str(getattr(einfo, CLASS, "")) or class_of(error)
