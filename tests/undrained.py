"""The same without our drain: how a stock Celery worker ends."""

from app.celery import app
from tests.quick_heartbeat import *  # noqa: F403

app.steps["consumer"].remove("switchyard.worker.drain:DrainStep")
