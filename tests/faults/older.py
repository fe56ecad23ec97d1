"""The settings of a release that does not know the ledger's tasks yet."""

from app.queues import ROUTES
from tests.faults.settings import *  # noqa: F403
from tests.faults.settings import INSTALLED_APPS

INSTALLED_APPS = [name for name in INSTALLED_APPS if name != "tests.faults.ledger"]
for _pattern in [pattern for pattern in ROUTES if pattern.startswith("ledger.")]:
    del ROUTES[_pattern]
ROOT_URLCONF = "app.urls"
