"""The service's settings with the benchmark's tasks among its own."""

from tests.settings import *  # noqa: F403

# isort: split
from app.queues import CPU, IO, ROUTES
from tests.settings import INSTALLED_APPS

ROUTES.update({"bench.io_*": IO.name, "bench.cpu_*": CPU.name})
INSTALLED_APPS = [*INSTALLED_APPS, "tests.bench"]
