"""The engine's settings, and what holds where a project says nothing.

In Django's settings each has the prefix ``SWITCHYARD_``.

| setting               | default           | meaning                                                    |
|-----------------------|-------------------|------------------------------------------------------------|
| QUEUES                | required          | dotted name of the module with QUEUES, ROUTES and SCHEDULE |
| ENVIRONMENT           | not named         | whose database and broker these are, as ``production``: a  |
|                       |                   | database of another one is left alone (``identity``)       |
| ENVIRONMENT_COLOUR    | by its name       | red, amber, green, blue or grey, on pages and in commands: |
|                       |                   | production is red, staging amber, local green, others blue |
| BROKER_MANAGEMENT_URL | the broker's host | ``http://user:password@host:15672``                        |
| PROMETHEUS_URL        | not asked         | ``http://host:9090``, for what ``alerts explain`` says     |
| BIND_ADDRESS          | 0.0.0.0           | address that web and every role's metrics listen on        |
| PORT                  | 8000              | web's port                                                 |
| WEB_PROCESSES         | 1                 | gunicorn processes                                         |
| WEB_THREADS           | 8                 | threads of each                                            |
| WEB_KEEPALIVE_SECONDS | 75                | how long web keeps an idle connection: longer than what is |
|                       |                   | before it does, or that meets connections just closed      |
| WEB_BODY_LIMIT_BYTES  | 2621440           | the largest body of a request that web takes               |
| WEB_QUERY_SECONDS     | 15                | how long a statement of a request may take; 0: any time    |
| WEB_ASGI              | False             | serve the project's ASGI application: for async views      |
| EXPORTER_PORT         | 9808              | the exporter's port                                        |
| RELAY_PORT            | 9809              | port of the relay's metrics and ``/livez``                 |
| WORKER_METRICS_PORT   | 9810              | the same of a worker; 0 takes a free one                   |
| WEB_METRICS_PORT      | 9811              | the same of web                                            |
| POOL_SIZE             | 10                | connections that the threads of web or of a worker share;  |
|                       |                   | 0: one for each thread                                     |
| HEARTBEAT_FILE        | temporary folder  | path touched by workers, beat and relay as they progress   |
| TASKS_SEND_BY         | broker            | what a running task sends outside a transaction goes to:   |
|                       |                   | "broker", confirmed at once, or "outbox"                   |
| WAIT_SECONDS          | 60                | how long a role waits for what it needs                    |
| MIGRATION_WAIT_SECONDS | 120              | how long ``release`` tries to get the locks that its       |
|                       |                   | migrations need, and waits for another release             |
| CLIENT_ADDRESS        | the peer          | dotted name of a function that tells the client of a       |
|                       |                   | request, for the audit: behind a proxy                     |
| NO_COLOR              | False             | no colour on a terminal either                             |
| COMMAND               | switchyard        | how a person here types a verb, for what messages advise   |
"""

import tempfile
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

DEFAULTS: dict[str, Any] = {
    "ENVIRONMENT": "",
    "ENVIRONMENT_COLOUR": "",
    "BROKER_MANAGEMENT_URL": "",
    "PROMETHEUS_URL": "",
    "BIND_ADDRESS": "0.0.0.0",  # noqa: S104 - a container is reached from outside
    "PORT": 8000,
    "WEB_PROCESSES": 1,
    "WEB_THREADS": 8,
    # nginx and the load balancers of the large clouds keep theirs for 60 s.
    "WEB_KEEPALIVE_SECONDS": 75,
    # Django's DATA_UPLOAD_MAX_MEMORY_SIZE.
    "WEB_BODY_LIMIT_BYTES": 2_621_440,
    "WEB_QUERY_SECONDS": 15,
    "WEB_ASGI": False,
    "EXPORTER_PORT": 9808,
    "RELAY_PORT": 9809,
    "WORKER_METRICS_PORT": 9810,
    "WEB_METRICS_PORT": 9811,
    "POOL_SIZE": 10,
    "HEARTBEAT_FILE": Path(tempfile.gettempdir()) / "switchyard-heartbeat",
    "TASKS_SEND_BY": "broker",
    "WAIT_SECONDS": 60,
    "MIGRATION_WAIT_SECONDS": 120,
    "CLIENT_ADDRESS": "",
    "NO_COLOR": False,
    "COMMAND": "switchyard",
}


class Conf:
    """Reads ``SWITCHYARD_NAME`` as ``conf.NAME``, anew each time: a test may change a setting."""

    def __getattr__(self, name: str) -> Any:
        if name not in DEFAULTS:
            raise AttributeError(f"There is no setting SWITCHYARD_{name}. There are {', '.join(DEFAULTS)}.")
        return getattr(settings, f"SWITCHYARD_{name}", DEFAULTS[name])


conf = Conf()


def declared_module() -> ModuleType:
    """The project's queues module. Raises ImproperlyConfigured if none is named, or it declares no queues."""
    name = getattr(settings, "SWITCHYARD_QUEUES", "")
    if not name:
        raise ImproperlyConfigured(
            'SWITCHYARD_QUEUES is not set. Write SWITCHYARD_QUEUES = "yours.queues" in the settings: the '
            "dotted name of a module with QUEUES (queue name to switchyard.QueueSpec) and ROUTES (task-name "
            "pattern to queue name)."
        )
    module = import_module(name)
    for what in ("QUEUES", "ROUTES"):
        if not isinstance(getattr(module, what, None), dict):
            raise ImproperlyConfigured(
                f"{name} (SWITCHYARD_QUEUES) has no dictionary {what}. Expected QUEUES, queue name to "
                "switchyard.QueueSpec, and ROUTES, task-name pattern to queue name."
            )
    if not module.QUEUES:
        raise ImproperlyConfigured(f"{name}.QUEUES is empty. Expected at least one switchyard.QueueSpec.")
    return module
