"""Settings under which a message that could not be worked on is not held for long."""

from app.tasks import outage
from tests.settings import *  # noqa: F403

outage.HOLD_SECONDS = 1
