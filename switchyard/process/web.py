"""The role ``web``."""

import os
import sys
import tempfile
from typing import Any

from django.core.management.base import BaseCommand

from switchyard.conf import conf
from switchyard.metrics.server import look_at_port
from switchyard.process import dependencies


class Command(BaseCommand):
    help = "Serve HTTP with gunicorn on PORT, metrics on WEB_METRICS_PORT. SIGTERM finishes what is running."

    def handle(self, **_: Any) -> None:
        dependencies.database()
        # Its processes would only wait for it.
        look_at_port("web", "WEB_METRICS_PORT")
        if conf.WEB_PROCESSES > 1:
            # For prometheus-client, and to be set before that is imported.
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="switchyard-web-")
        # A process of its own: gunicorn forks, and must not inherit this one's connections and threads.
        gunicorn = [sys.executable, "-m", "gunicorn", "--config=python:switchyard.process.gunicorn"]
        os.execv(sys.executable, gunicorn)  # noqa: S606
