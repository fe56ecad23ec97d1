"""Configures gunicorn for the role ``web``: ``gunicorn --config=python:switchyard.process.gunicorn``."""

import resource
from typing import Any

from django.conf import settings

from switchyard.broker.address import bracketed
from switchyard.conf import conf
from switchyard.metrics.slots import count_in_place, take_place
from switchyard.postgresql.name import named
from switchyard.postgresql.pool import ASYNC_WAIT_SECONDS, REQUEST_WAIT_SECONDS, fill, share_connections

#: Of one process, each a file of its own.
MOST_CONNECTIONS = 4096
#: Files that are no connection: of the database, of logs, of what is imported meanwhile.
OTHER_FILES = 256


def _connections() -> int:
    """As many as the files that the process may open, after it has asked for more of these."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return min(MOST_CONNECTIONS, soft - OTHER_FILES) if soft > 0 else MOST_CONNECTIONS


named("web")
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
worker_class = "asgi" if conf.WEB_ASGI else "switchyard.process.buffering.BufferingWorker"
threads = 1 if conf.WEB_ASGI else conf.WEB_THREADS
keepalive = conf.WEB_KEEPALIVE_SECONDS
graceful_timeout = 30
worker_connections = _connections()
# It would write to the socket itself, and wait for who reads.
sendfile = False
control_socket_disable = True
logconfig_dict = settings.LOGGING


def pre_fork(arbiter: Any, worker: Any) -> None:
    take_place(arbiter, worker)


def post_fork(arbiter: Any, worker: Any) -> None:
    count_in_place(arbiter, worker)


def post_worker_init(worker: Any) -> None:
    """In each process, once it has the application."""
    # The arbiter, which reads this file, has no use for them.
    from switchyard.metrics.web import count_refused, serve  # noqa: PLC0415
    from switchyard.process.probes import probes  # noqa: PLC0415

    wait_seconds = ASYNC_WAIT_SECONDS if conf.WEB_ASGI else REQUEST_WAIT_SECONDS
    share_connections(wait_seconds=wait_seconds, impatient=True)
    fill(conf.POOL_SIZE if conf.WEB_ASGI else conf.WEB_THREADS)
    worker.on_refused = count_refused
    serve(probes(worker))
