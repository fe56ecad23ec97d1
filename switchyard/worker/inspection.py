"""Answers ``celery inspect``, which Flower asks of every worker all the time, without a secret.

| command                              | answered                                                       |
|--------------------------------------|----------------------------------------------------------------|
| stats                                | here                                                           |
| conf, report                         | by Celery, from what ``switchyard.broker.inspection`` lets it  |
|                                      | tell                                                           |
| active, reserved, scheduled, revoked | by Celery; the arguments of a task are told as its sender has  |
| query_task                           | them shown (``argsrepr``, ``kwargsrepr``)                      |
| registered, active_queues and others | by Celery, which knows no secret there                         |
"""

from typing import Any

from celery.utils.saferepr import saferepr
from celery.utils.serialization import jsonify
from celery.worker.control import inspect_command

from switchyard.redaction import redacted


@inspect_command()
def stats(state: Any, **_: Any) -> Any:
    """Request worker statistics/information.

    It holds the connection as it was configured. Stock Celery's answer fails where a transport option is no
    JSON, as our ``frame_handler`` is not; it tells the passwords in transport options and, before 5.7, those
    in the other addresses of a broker URL that has several.
    """
    return jsonify(redacted(state.consumer.controller.stats()), unknown_type_filter=saferepr)
