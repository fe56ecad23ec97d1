"""Gunicorn's configuration, for the role ``web`` (``gunicorn --config=python:app.web app.wsgi``)."""

from django.conf import settings

bind = f"{settings.BIND_ADDRESS}:{settings.PORT}"
workers = settings.WEB_PROCESSES
# Threads, because a request waits for the database more than it computes.
worker_class = "gthread"
threads = settings.WEB_THREADS
graceful_timeout = 30
control_socket_disable = True
logconfig_dict = settings.LOGGING
