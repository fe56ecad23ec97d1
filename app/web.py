"""Gunicorn's configuration, for the role ``web`` (``gunicorn --config=python:app.web app.wsgi``)."""

from typing import Any

from django.conf import settings

bind = f"{settings.BIND_ADDRESS}:{settings.PORT}"
workers = settings.WEB_PROCESSES
# Threads, because a request waits for the database more than it computes.
worker_class = "gthread"
threads = settings.WEB_THREADS
graceful_timeout = 30
control_socket_disable = True
logconfig_dict = settings.LOGGING


def post_worker_init(_worker: Any) -> None:
    """In each process, once it has the application."""
    from app.metrics import web  # noqa: PLC0415 - the arbiter, which reads this file, has no use for it

    web.serve()
