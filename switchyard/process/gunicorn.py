"""Configures gunicorn for the role ``web``: ``gunicorn --config=python:switchyard.process.gunicorn``."""

from typing import Any

from django.conf import settings

from switchyard.broker.address import bracketed
from switchyard.conf import conf
from switchyard.metrics.slots import count_in_place, take_place
from switchyard.postgresql.pool import ASYNC_WAIT_SECONDS, REQUEST_WAIT_SECONDS, fill, share_connections

bind = f"{bracketed(conf.BIND_ADDRESS)}:{conf.PORT}"
_setting, _default = (
    ("ASGI_APPLICATION", "switchyard.process.asgi:application")
    if conf.WEB_ASGI
    else ("WSGI_APPLICATION", "django.core.wsgi:get_wsgi_application()")
)
_module, _, _name = (getattr(settings, _setting, None) or "").rpartition(".")
wsgi_app = f"{_module}:{_name}" if _module else _default
workers = conf.WEB_PROCESSES
# Threads, because a request waits for the database more than it computes.
worker_class = "asgi" if conf.WEB_ASGI else "gthread"
threads = 1 if conf.WEB_ASGI else conf.WEB_THREADS
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

    wait_seconds = ASYNC_WAIT_SECONDS if conf.WEB_ASGI else REQUEST_WAIT_SECONDS
    share_connections(wait_seconds=wait_seconds, impatient=True)
    fill(conf.POOL_SIZE if conf.WEB_ASGI else conf.WEB_THREADS)
    web.serve()
