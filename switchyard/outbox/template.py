"""Makes the message of a plain call from that of the last plain call of the same task.

Celery decides anew for each call what is the same for all of them: options, route, limits. Of a call with
nothing but arguments only its id and its arguments differ. What comes after that, from the signal
``before_task_publish`` on, is Celery's own for every message.
"""

import os
from dataclasses import dataclass
from typing import Any

from celery.app.amqp import task_message
from celery.app.task import Task
from celery.utils.saferepr import saferepr
from kombu.utils.uuid import uuid

from switchyard.outbox.amqp import captured, recorded
from switchyard.outbox.calls import refuse_arguments
from switchyard.outbox.rows import Row


@dataclass(frozen=True, slots=True)
class Template:
    """A message as Celery hands it to its sender, and the options of that."""

    message: task_message
    options: dict[str, Any]

    def message_of(self, task: Any, task_id: str, args: Any, kwargs: Any) -> task_message:
        """The same message for other arguments."""
        amqp = task.app.amqp
        headers = self.message.headers | {
            "id": task_id,
            "root_id": task_id,
            "argsrepr": saferepr(args, amqp.argsrepr_maxsize),
            "kwargsrepr": saferepr(kwargs, amqp.kwargsrepr_maxsize),
        }
        properties = self.message.properties | {
            "correlation_id": task_id,
            # One for each thread.
            "reply_to": task.app.thread_oid,
        }
        return task_message(headers, properties, (args, kwargs, dict(self.message.body[2])), None)


#: By task name. None is a task whose every call has to go Celery's whole way.
_templates: dict[str, Template | None] = {}
# Every message names the process that it comes from.
os.register_at_fork(after_in_child=_templates.clear)


def plain_call(task: Any, args: Any, kwargs: Any) -> tuple[str, list[Row]]:
    """The id and the rows of a call without options. Raises switchyard.outbox.errors.TaskCallError."""
    # A task that calls another hands its own root and priority on.
    in_a_task = task.app.current_worker_task is not None
    template = None if in_a_task else _templates.get(task.name)
    if template is not None:
        return _from_template(template, task, args or (), kwargs or {})
    with captured() as rows, recorded() as sent:
        result = task.apply_async(args, kwargs)
    if not in_a_task and task.name not in _templates:
        _templates[task.name] = _template(task, *sent[0])
    return str(result.id), rows


def _from_template(template: Template, task: Any, args: Any, kwargs: Any) -> tuple[str, list[Row]]:
    if task.typing:
        task.__header__(*args, **kwargs)
    refuse_arguments(task.name, args, kwargs)
    task_id = uuid()
    with captured() as rows:
        message = template.message_of(task, task_id, args, kwargs)
        task.app.amqp.send_task_message(None, task.name, message, **template.options)
    return task_id, rows


def _template(task: Any, message: task_message, options: dict[str, Any]) -> Template | None:
    """None if something of the message is made of the call's arguments or of its moment."""
    headers = message.headers
    depends = (
        headers["eta"] or headers["expires"] or headers["stamped_headers"] or not headers["ignore_result"],
        type(task).shadow_name is not Task.shadow_name,
        # It has no public reader; before Celery 5.7 there was none.
        getattr(task, "_dump_pydantic_arguments", None),
    )
    return None if any(depends) else Template(message, options)
