"""The Celery app, built from Django's settings and the queues.

Celery's own options are in ``app/settings.py`` (``CELERY_*``); what follows from a queue is derived here.
"""

import os
from typing import Any

from celery import Celery
from celery.concurrency import ALIASES  # type: ignore[attr-defined]
from celery.signals import setup_logging
from kombu import Exchange, Queue
from kombu.transport import TRANSPORT_ALIASES

from app.queues import EXCHANGE, QUEUES, ROUTES
from app.tasks.context import ContextStep
from app.tasks.drain import DrainStep
from app.tasks.heartbeat import HeartbeatStep

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "app.settings")

#: Seconds a publish waits for the broker's confirm. Sits in the routes because Celery passes a route's extra
#: keys on to the publish; `mandatory` makes an unroutable message an error instead of a silent loss.
CONFIRM_TIMEOUT_SECONDS = 10


def declared_queues() -> list[Queue]:
    """The queues as Celery and the broker declare them: quorum, on one topic exchange, keyed by name."""
    exchange = Exchange(EXCHANGE, type="topic", durable=True)
    return [
        Queue(name, exchange, routing_key=name, queue_arguments={"x-queue-type": "quorum"}) for name in QUEUES
    ]


def routing() -> dict[str, Any]:
    """Celery's routing options, all derived from ``app.queues``."""
    return {
        "task_queues": declared_queues(),
        "task_routes": {
            pattern: {"queue": queue, "mandatory": True, "confirm_timeout": CONFIRM_TIMEOUT_SECONDS}
            for pattern, queue in ROUTES.items()
        },
        "task_default_queue": next(iter(QUEUES)),
        "task_default_exchange": EXCHANGE,
        "task_default_exchange_type": "topic",
        "task_create_missing_queues": False,
    }


app = Celery("switchyard", amqp="app.outbox.amqp:AMQP", task_cls="app.tasks.base:RoutedTask")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.add_defaults(routing)
app.autodiscover_tasks()
app.steps["worker"].add(ContextStep)
app.steps["consumer"].add(HeartbeatStep)
app.steps["consumer"].add(DrainStep)

# So that `--pool=threads` means ours from any command line. Celery's own hook for another pool is an
# environment variable, which must be set before Celery is imported.
ALIASES["threads"] = "app.tasks.threads:TaskPool"
# By its alias, as a failover to the next address of the URL looks at nothing else.
TRANSPORT_ALIASES["pyamqp"] = "app.broker.transport:Transport"


@setup_logging.connect
def _keep_django_logging(**_: Any) -> None:
    """Celery configures logging only where nobody listens to this signal; Django's LOGGING has done it."""
