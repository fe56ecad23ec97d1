"""Checks each call of a task and, with Celery's own ``send_task``, makes its message.

``.delay()``, ``apply_async`` and every canvas end here, as does who calls a task by its name.
"""

from typing import Any

from switchyard.outbox.calls import refuse_arguments, refuse_destination
from switchyard.outbox.errors import DestinationRefused
from switchyard.outbox.moments import countdown_of, refuse_expiry
from switchyard.routing import QUEUE_HEADER, mapped_queue, queue_for

#: What Celery's ``send_task`` takes after the arguments, in its order.
POSITIONAL = ("countdown", "eta", "task_id", "producer", "connection", "router", "result_cls", "expires")


def send_task(
    app: Any, name: str, args: Any = None, kwargs: Any = None, *positional: Any, **options: Any
) -> Any:
    """As ``celery.Celery.send_task``.

    Raises switchyard.TaskCallError before anything is sent. Where the message goes at once, raises
    kombu.exceptions.OperationalError when the broker is away.
    """
    options |= zip(POSITIONAL, positional, strict=False)
    if options.get("retries"):
        # It names the exchange that it came from, in the place of which a delay would take the route's.
        options |= _to_the_queue_of_its_call(options)
    else:
        refuse_destination(name, options)
        options |= _to_the_named_queue(name, options)
    refuse_arguments(name, args, kwargs)
    options |= {"countdown": countdown_of(name, options), "eta": None}
    refuse_expiry(name, options.get("expires"))
    # By its class: who instruments Celery has put his own there.
    return type(app).send_task(app, name, args, kwargs, **options)


def _to_the_named_queue(name: str, options: dict[str, Any]) -> dict[str, Any]:
    """By its declared name; and in a header, where the task goes elsewhere by itself."""
    queue = options.get("queue")
    if queue is None:
        return {}
    spec = mapped_queue(queue)
    if spec is None:
        raise DestinationRefused(name, "queue", queue)
    if spec is queue_for(name):
        return {"queue": spec.name}
    return {"queue": spec.name, "headers": {**(options.get("headers") or {}), QUEUE_HEADER: spec.name}}


def _to_the_queue_of_its_call(options: dict[str, Any]) -> dict[str, Any]:
    spec = mapped_queue((options.get("headers") or {}).get(QUEUE_HEADER))
    return {"queue": spec.name} if spec else {}
