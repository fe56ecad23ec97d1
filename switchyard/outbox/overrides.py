"""Finds what a project or a library has put in the place of Celery's own code on the way of a call.

A task base with its own ``apply_async``, a mixin, an instrumentation that wraps ``Task.apply_async`` or
``Celery.send_task`` when it is set up, before or after the first call.
"""

from types import FunctionType, MethodType
from typing import Any

#: Whose functions do for every call what they did for the last one.
OWN = ("celery.", "switchyard.")


def way_of(task: Any, celerys: Any) -> tuple[Any, ...]:
    """The functions that make a message of a call; ``celerys`` is ``apply_async`` as our own calls it.

    None for each that is no plain method: wrappers (wrapt) say that they equal what they wrap, down to their
    attributes, so only the type tells.
    """
    app = task.app
    amqp = app.amqp
    methods = (
        task.apply_async,
        celerys,
        task._get_exec_options,  # noqa: SLF001 - where Celery's apply_async begins
        task.shadow_name,
        app.send_task,
        amqp.create_task_message,
    )
    functions = [each.__func__ if type(each) is MethodType else None for each in methods]
    return (*functions, type(app).send_task, amqp.send_task_message)


def is_celerys_own(way: tuple[Any, ...]) -> bool:
    """Whether each of them is a plain function of Celery's or ours."""
    return all(type(each) is FunctionType and each.__globals__["__name__"].startswith(OWN) for each in way)
