"""Finds what a project or a library has put in the place of Celery's and kombu's own code on a call's way.

A task base with its own ``apply_async``, a mixin, an instrumentation that wraps ``Task.apply_async``,
``Celery.send_task`` or ``Producer.publish`` when it is set up, before or after the first call. So it is asked
at each call, and by identity, which takes next to nothing.
"""

from types import FunctionType, MethodType
from typing import Any

#: Whose functions do for every call what they did for the last one.
OWN = ("celery.", "kombu.", "switchyard.")


class Shipped:
    """Functions of classes and modules, and whether all of them are still as their library ships them."""

    def __init__(self, *places: tuple[Any, str]) -> None:
        self._found = [(vars(owner), name, vars(owner).get(name)) for owner, name in places]
        self._were_at_first = all(_is_own(_function(value)) for _, _, value in self._found)

    def hold(self) -> bool:
        for owners, name, function in self._found:
            if name not in owners or owners[name] is not function:
                return False
        return self._were_at_first


def cached(owner: Any, name: str) -> Any:
    """``owner.name``, of which kombu's ``cached_property`` takes a lock at each look."""
    made = owner.__dict__
    return made[name] if name in made else getattr(owner, name)


def way_of(task: Any, amqp: Any, celerys: Any) -> tuple[Any, ...]:
    """The functions that make a message of a call; ``celerys`` is ``apply_async`` as our own calls it.

    None for each that is no plain function or method: wrappers (wrapt) say that they equal what they wrap,
    down to their attributes, so only the type tells.
    """
    app = task.app
    methods = (
        task.apply_async,
        celerys,
        task._get_exec_options,  # noqa: SLF001 - where Celery's apply_async begins
        task.shadow_name,
        app.send_task,
        cached(amqp, "create_task_message"),
    )
    functions = type(app).send_task, amqp.send_task_message
    return (
        *[each.__func__ if type(each) is MethodType else None for each in methods],
        *[each if type(each) is FunctionType else None for each in functions],
    )


def is_celerys_own(way: tuple[Any, ...]) -> bool:
    """Whether each of them is a plain function of Celery's or ours."""
    return all(map(_is_own, way))


def _function(value: Any) -> Any:
    return value.__func__ if type(value) is MethodType else value


def _is_own(value: Any) -> bool:
    return type(value) is FunctionType and value.__globals__["__name__"].startswith(OWN)
