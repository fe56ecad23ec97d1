"""Makes the message of a plain call from that of the last plain call of the same task.

Celery decides anew for each call what is the same for all of them: options, route, limits. Of a call with
nothing but arguments, an id and headers only these differ, as long as nobody has put code of his own into its
way: that is asked at each call, and what cannot be proven to be the same goes Celery's whole way. What comes
after that, from the headers and the signal ``before_task_publish`` on, is Celery's own for every message.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from celery.app.amqp import task_message
from celery.app.routes import MapRoute, Router
from celery.utils.saferepr import saferepr
from kombu.exceptions import EncodeError
from kombu.utils.uuid import uuid

from switchyard.broker.options import asked
from switchyard.outbox.calls import PLAIN, refuse_models
from switchyard.outbox.capture import captured, recorded
from switchyard.outbox.errors import NotJson
from switchyard.outbox.headers import known_in
from switchyard.outbox.overrides import cached, is_celerys_own, way_of
from switchyard.outbox.recorder import Recorder
from switchyard.outbox.rows import Row

#: Of what Celery shows as Python does: characters, and an integer's size (some are too long to be written).
LONGEST_LINE, LARGEST = 200, 10**18

#: The options of a plain call.
OPTIONS = frozenset(("task_id", "headers"))


@dataclass(frozen=True, slots=True)
class Template:
    """A message as Celery hands it to its sender, the options of that, and the headers that need no look."""

    message: task_message
    options: dict[str, Any]
    known: dict[Any, Any]

    def message_of(self, task: Any, amqp: Any, task_id: str, args: Any, kwargs: Any) -> task_message:
        """The same message for other arguments. Whoever is handed it may write into any part of it."""
        headers = self.message.headers | {
            "timelimit": [*self.message.headers["timelimit"]],
            "stamps": {},
            "id": task_id,
            "root_id": task_id,
            "argsrepr": _shown(task, args, args, amqp.argsrepr_maxsize),
            "kwargsrepr": _shown(task, kwargs, kwargs.values(), amqp.kwargsrepr_maxsize),
        }
        properties = self.message.properties | {
            "correlation_id": task_id,
            # One for each thread.
            "reply_to": task.app.thread_oid,
        }
        return task_message(headers, properties, (args, kwargs, {**self.message.body[2]}), None)


#: What decides about a message beside its arguments: the task and what it declares, its limits and its queue,
#: the router, and code. Celery reads the options of a task's class once (``_exec_options``), and so may this.
Makers = tuple[Any, Any, tuple[Any, ...], Any, tuple[Any, ...]]

#: By task name, with what it was made by. None if a call that is made so has to go Celery's whole way.
_templates: dict[str, tuple[Makers | None, Template | None]] = {}
# Every message names the process that it comes from.
os.register_at_fork(after_in_child=_templates.clear)


def plain_call(
    task: Any,
    celerys: Any,
    whole: Any,
    args: Any,
    kwargs: Any,
    *,
    result_of: Callable[[str], Any],
    **options: Any,
) -> tuple[Any, list[Row]]:
    """Result and rows of a call with no other ``OPTIONS``.

    ``celerys`` is the ``apply_async`` that ours calls; ``whole`` is the one to call where nothing is known,
    and ``result_of`` makes of an id what it would return.

    Raises switchyard.outbox.errors.TaskCallError.
    """
    amqp = cached(task.app, "amqp")
    makers = _makers(task, amqp, celerys)
    known, template = _templates.get(task.name, (None, None))
    if template is not None and makers == known:
        task_id, rows = _from_template(template, task, amqp, args or (), kwargs or {}, **options)
        return result_of(task_id), rows
    with captured() as rows, recorded() as sent:
        result = whole(args, kwargs, **options)
    # Asked anew, for Celery reads the options of a task at its first call.
    if makers != known and len(sent) == 1 and (makers := _makers(task, amqp, celerys)):
        _templates[task.name] = makers, _template(makers, *sent[0])
    return result, rows


def _from_template(
    template: Template,
    task: Any,
    amqp: Any,
    args: Any,
    kwargs: Any,
    *,
    task_id: Any = None,
    headers: Any = None,
) -> tuple[str, list[Row]]:
    if task.typing:
        task.__header__(*args, **kwargs)
    refuse_models(task.name, args, kwargs)
    task_id = task_id or uuid()
    send = amqp.send_task_message.celerys
    with captured() as rows:
        message = template.message_of(task, amqp, task_id, args, kwargs)
        recorder = Recorder(task.name, rows, template.known)
        try:
            send(recorder, task.name, message, headers=headers, **template.options)
        except EncodeError as reason:
            raise NotJson(task.name, reason) from reason
    return task_id, rows


def _shown(task: Any, arguments: Any, values: Iterable[Any], longest: int | None) -> str:
    """What Celery shows of arguments. How deep is asked where there is a depth: before 5.7 no option says."""
    shown: str
    parts = (*arguments, *values) if type(arguments) is dict else values
    if type(arguments) in (tuple, list, dict) and all(map(_is_shown_as_it_is, parts)):
        shown = repr(arguments)
        if longest is None or len(shown) <= longest:
            return shown
    flat = all(type(value) in PLAIN for value in values)
    depth = 3 if flat else asked(task.app.conf, "task_repr_maxlevels", 3)
    shown = saferepr(arguments, longest, maxlevels=depth)
    return shown


def _is_shown_as_it_is(value: Any) -> bool:
    """Whether Celery writes it as Python does, for which it takes thirty calls: short text and numbers."""
    kind = type(value)
    if kind is str:
        return len(value) <= LONGEST_LINE and value.isprintable() and "'" not in value and "\\" not in value
    return kind is int and -LARGEST < value < LARGEST


def _makers(task: Any, amqp: Any, celerys: Any) -> Makers | None:
    """None where more decides: a task that calls another hands its root on."""
    if task.app.current_worker_task is not None:
        return None
    declared = task.ignore_result, task.soft_time_limit, task.time_limit, task.routed_to
    return task, task._exec_options, declared, cached(amqp, "router"), way_of(task, amqp, celerys)  # noqa: SLF001


def _template(makers: Makers, message: task_message, options: dict[str, Any]) -> Template | None:
    """None if something of the message is made of the call's arguments, of its moment, or by others' code."""
    task, _, _, router, way = makers
    headers, routes = message.headers, getattr(router, "routes", None) or ()
    depends = (
        headers["eta"] or headers["expires"] or headers["stamped_headers"] or not headers["ignore_result"],
        # It has no public reader; before Celery 5.7 there was none.
        getattr(task, "_dump_pydantic_arguments", None),
        not is_celerys_own(way),
        type(router) is not Router or any(type(route) is not MapRoute for route in routes),
        # What ``refuse_unrouted`` would have to look for.
        not task.routed_to or any(message.body[2].values()),
    )
    return None if any(depends) else Template(message, _without_headers(options), known_in(headers))


def _without_headers(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name != "headers"}
