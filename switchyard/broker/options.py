"""Sets Celery's options: what holds where a project says nothing, and what it cannot change.

What follows from a queue is derived here from ``switchyard.routing``.
"""

import socket
from collections.abc import Iterator, Mapping
from typing import Any

from kombu import Exchange, Queue

from switchyard.broker.drivers import broker_options
from switchyard.broker.frames import forgiving_frame_handler
from switchyard.broker.inspection import tell_only_own
from switchyard.broker.project_settings import WithoutRequired
from switchyard.queues import EXCHANGE
from switchyard.routing import QUEUES, ROUTES

#: Seconds a publish waits for the broker's confirm.
CONFIRM_TIMEOUT_SECONDS = 10
#: Sits in the routes because Celery passes a route's extra keys on to the publish, and in one for all names,
#: as a task may name its queue itself; `mandatory` makes an unroutable message an error, not a silent loss.
SENT_SAFELY: dict[str, Any] = {"mandatory": True, "confirm_timeout": CONFIRM_TIMEOUT_SECONDS}

#: What holds where the project's configuration says nothing.
DEFAULTS: dict[str, Any] = {
    "broker_connection_timeout": 3,
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    "broker_channel_error_retry": True,
    "broker_heartbeat": 30,
    "broker_pool_limit": 20,
    "broker_pool_acquire_timeout": 5,
    # Celery's own is that of every other application in the vhost, whose `control shutdown` would end our
    # workers. So spelled, it is within the rights that workers were given for Celery's own.
    "control_exchange": "switchyard.celery",
    "task_publish_retry_policy": {
        "max_retries": 2,
        "interval_start": 0,
        "interval_step": 0.2,
        "interval_max": 1,
    },
    "task_ignore_result": True,
    "task_store_errors_even_if_ignored": True,
    "result_backend": "switchyard.tasks.results:ResultBackend",
    "result_serializer": "json",
    "result_extended": True,
    "result_expires": 14 * 24 * 3600,
    "worker_prefetch_multiplier": 1,
    "worker_proc_alive_timeout": 30,
    "worker_max_tasks_per_child": 1000,
    "worker_hijack_root_logger": False,
    "timezone": "UTC",
}
TRANSPORT_DEFAULTS: dict[str, Any] = {
    "read_timeout": 15,
    "write_timeout": 10,
    # Milliseconds. py-amqp's own limit is 1 s, which a short network hiccup exceeds. Linux only.
    "socket_settings": {socket.TCP_USER_TIMEOUT: 10_000} if hasattr(socket, "TCP_USER_TIMEOUT") else {},
}

#: What a promise rests on.
REQUIRED: dict[str, Any] = {
    "accept_content": ["json"],
    "task_serializer": "json",
    "task_acks_late": True,
    # Celery 5.7 has one for failures and one for limits; earlier ones, one for both.
    "task_acks_on_failure": False,
    "task_acks_on_timeout": False,
    "task_acks_on_failure_or_timeout": False,
    "task_reject_on_worker_lost": True,
    "task_create_missing_queues": False,
    # An argument that no quorum queue takes: each has two priorities, or on older brokers none.
    "task_queue_max_priority": None,
    "worker_consumer": "switchyard.worker.refusal:RefusingConsumer",
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    "beat_scheduler": "switchyard.schedule.scheduler:Scheduler",
}
TRANSPORT_REQUIRED: dict[str, Any] = {"confirm_publish": True, "frame_handler": forgiving_frame_handler}

#: What the role worker takes from the queue's QueueSpec; Celery's own command reads them.
OF_A_QUEUE = ("worker_pool", "worker_concurrency", "worker_prefetch_multiplier")
#: What ``routing`` derives from the queues module.
ROUTING = (
    "task_queues",
    "task_routes",
    "task_default_queue",
    "task_default_exchange",
    "task_default_exchange_type",
)

#: What the project's configuration said and does not hold: option to its value. For ``check``.
replaced: dict[str, Any] = {}


def declared_queues() -> list[Queue]:
    """The queues as Celery and the broker declare them: quorum, on one topic exchange, keyed by name."""
    exchange = Exchange(EXCHANGE, type="topic", durable=True)
    return [
        Queue(name, exchange, routing_key=name, queue_arguments={"x-queue-type": "quorum"}) for name in QUEUES
    ]


def routing() -> dict[str, Any]:
    """Celery's routing options, all derived from the queues module."""
    return {
        "task_queues": declared_queues(),
        "task_routes": {pattern: {"queue": queue} | SENT_SAFELY for pattern, queue in ROUTES.items()}
        | {"*": SENT_SAFELY},
        "task_default_queue": next(iter(QUEUES)),
        "task_default_exchange": EXCHANGE,
        "task_default_exchange_type": "topic",
    }


def configure(conf: Any) -> None:
    """Lay our options around those of the project, in Celery's configuration that has just been read."""
    tell_only_own(conf)
    theirs = dict(conf.get("broker_transport_options") or {})
    required = (
        REQUIRED
        | routing()
        | broker_options(conf)
        | {"broker_transport_options": TRANSPORT_DEFAULTS | theirs | TRANSPORT_REQUIRED}
    )
    replaced.clear()
    replaced.update(_said_otherwise(conf, required))
    _let_required_win(conf, required)
    conf.add_defaults(required)
    defaults = _defaults(conf)
    # Celery's own defaults are the last map of all.
    conf.maps.insert(-1, defaults)
    conf.defaults.insert(-1, defaults)


def _defaults(conf: Any) -> dict[str, Any]:
    """Ours. With a result backend of the project's own a result is kept unless it says otherwise, as Celery
    does: that backend gives the body of a chord what it has kept of the parts, and never calls it without.
    """
    own = asked(conf, "result_backend") not in (None, DEFAULTS["result_backend"])
    return {name: value for name, value in DEFAULTS.items() if not (own and name == "task_ignore_result")}


_known_names: dict[tuple[Any, ...], tuple[str, ...]] = {}


def asked(conf: Any, option: str, default: Any = None) -> Any:
    """``conf.get(option, default)`` as it is now. Celery's own look-up raises and catches an exception for
    each name and each place that does not have it, which is too much for each call of a task.
    """
    names = _names(conf, option)
    for settings in conf.maps:
        for name in settings.among(names) if type(settings) is WithoutRequired else names:
            if name in settings:
                return settings[name]
    return default


def _names(conf: Any, option: str) -> tuple[str, ...]:
    """Its old and its new name, with the prefix and without. Of one application they are always the same."""
    way = conf.prefix, conf._keys, option  # noqa: SLF001 - how Celery makes one name of the other
    if way not in _known_names:
        _known_names[way] = tuple(dict.fromkeys(conf._to_keys(option)))  # noqa: SLF001
    return _known_names[way]


def is_eager(app: Any) -> bool:
    """Whether a call of a task is to run it, as a test says that is not about what is sent."""
    return bool(asked(app.conf, "task_always_eager"))


def _said_otherwise(conf: Any, required: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What the project set itself, and not to what is required."""
    for option in (*REQUIRED, *ROUTING, *OF_A_QUEUE):
        # Celery's own defaults are the last map.
        for settings in conf.maps[:-1]:
            for key in _names(conf, option):
                if key in settings and settings[key] not in (None, required.get(option)):
                    yield option, settings[key]


def _let_required_win(conf: Any, required: Mapping[str, Any]) -> None:
    """Before Celery 5.7 a key with the prefix, wherever it stands, comes before ours, which has none."""
    conf.maps[1:-1] = [WithoutRequired(each, conf.prefix or "", required) for each in conf.maps[1:-1]]
    conf.defaults[:-1] = conf.maps[1:-1]
