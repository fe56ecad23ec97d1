import os
import socket
import sys
import tempfile
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from app import needs


class Command(BaseCommand):
    help = "Serve HTTP with gunicorn on PORT, metrics on WEB_METRICS_PORT. SIGTERM finishes what is running."

    def handle(self, **_: Any) -> None:
        needs.database()
        _look_at_port()
        if settings.WEB_PROCESSES > 1:
            # For prometheus-client, and to be set before that is imported.
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="switchyard-web-")
        # A process of its own: gunicorn forks, and must not inherit this one's connections and threads.
        gunicorn = [sys.executable, "-m", "gunicorn", "--config=python:app.web", "app.wsgi"]
        os.execv(sys.executable, gunicorn)  # noqa: S606


def _look_at_port() -> None:
    """Its processes would only wait for it."""
    host, port = settings.BIND_ADDRESS, settings.WEB_METRICS_PORT
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        raise CommandError(
            f"Web's metrics cannot listen on {host}:{port} ({error.strerror}). Set WEB_METRICS_PORT or "
            "BIND_ADDRESS."
        ) from error
