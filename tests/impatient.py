"""Settings under which a message that could not be worked on is not held for long."""

from switchyard.worker import requeue
from tests.settings import *  # noqa: F403

requeue.HOLD_SECONDS = 1
