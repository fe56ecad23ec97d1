"""Settings for a worker whose tasks send through the outbox, whatever they do."""

from tests.settings import *  # noqa: F403

SWITCHYARD_TASKS_SEND_BY = "outbox"
