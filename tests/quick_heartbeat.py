"""Settings with a short broker heartbeat, so that a drain soon lasts longer than two of them."""

from tests.settings import *  # noqa: F403

CELERY_BROKER_HEARTBEAT = 5
