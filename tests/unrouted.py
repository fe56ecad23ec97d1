"""Settings with a mistake: tasks that no route matches."""

from app.queues import ROUTES
from tests.settings import *  # noqa: F403

del ROUTES["gallery.io_*"]
