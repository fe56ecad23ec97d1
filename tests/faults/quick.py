"""The settings of the fault tests with a short broker heartbeat."""

from tests.faults.settings import *  # noqa: F403

CELERY_BROKER_HEARTBEAT = 5
