"""Configures gunicorn for the role ``web``: ``gunicorn --config=python:switchyard.process.gunicorn``."""

from typing import Any

from django.conf import settings

from switchyard.broker.address import bracketed
from switchyard.conf import conf
from switchyard.metrics.slots import count_in_place, take_place
from switchyard.postgresql.pool import REQUEST_WAIT_SECONDS, share_connections

bind = f"{bracketed(conf.BIND_ADDRESS)}:{conf.PORT}"
_module, _, _name = (settings.WSGI_APPLICATION or "").rpartition(".")
wsgi_app = f"{_module}:{_name}" if _module else "django.core.wsgi:get_wsgi_application()"
workers = conf.WEB_PROCESSES
# Threads, because a request waits for the database more than it computes.
worker_class = "gthread"
threads = conf.WEB_THREADS
keepalive = conf.WEB_KEEPALIVE_SECONDS
graceful_timeout = 30
control_socket_disable = True
logconfig_dict = settings.LOGGING


def pre_fork(arbiter: Any, worker: Any) -> None:
    take_place(arbiter, worker)


def post_fork(arbiter: Any, worker: Any) -> None:
    count_in_place(arbiter, worker)


def post_worker_init(_worker: Any) -> None:
    """In each process, once it has the application."""
    from switchyard.metrics import web  # noqa: PLC0415 - the arbiter, which reads this file, has no use for it

    share_connections(wait_seconds=REQUEST_WAIT_SECONDS, impatient=True)
    web.serve()
