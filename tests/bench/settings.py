"""The service's settings with the benchmark's tasks among its own."""

from tests.settings import *  # noqa: F403

# isort: split
from app.queues import ROUTES
from tests.routes import routes
from tests.settings import INSTALLED_APPS

ROUTES.update(routes("bench"))
INSTALLED_APPS = [*INSTALLED_APPS, "tests.bench"]
