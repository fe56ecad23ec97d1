"""Checks each call of a task and, with Celery's own ``send_task``, makes its message.

``.delay()``, ``apply_async`` and every canvas end here, as does who calls a task by its name.
"""

from typing import Any

from switchyard.outbox.calls import refuse_arguments, refuse_destination
from switchyard.outbox.moments import countdown_of, refuse_expiry

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
    # A retry names the exchange that it came from.
    if not options.get("retries"):
        refuse_destination(name, options)
    refuse_arguments(name, args, kwargs)
    options |= {"countdown": countdown_of(name, options), "eta": None}
    refuse_expiry(name, options.get("expires"))
    # By its class: who instruments Celery has put his own there.
    return type(app).send_task(app, name, args, kwargs, **options)
