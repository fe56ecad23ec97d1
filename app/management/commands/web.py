import os
import sys
from typing import Any

from django.core.management.base import BaseCommand

from app import needs


class Command(BaseCommand):
    help = "Serve HTTP with gunicorn on PORT. SIGTERM finishes the requests that are running."

    def handle(self, **_: Any) -> None:
        needs.database()
        # A process of its own: gunicorn forks, and must not inherit this one's connections and threads.
        gunicorn = [sys.executable, "-m", "gunicorn", "--config=python:app.web", "app.wsgi"]
        os.execv(sys.executable, gunicorn)  # noqa: S606
