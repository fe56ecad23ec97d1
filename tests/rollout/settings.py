"""The settings of every pod: the service's own, the faults' ledger, and the package ``cargo``.

``cargo`` is the release's own, and found by PYTHONPATH, which stands for the image: releases/old or
releases/new. Not through tests/settings.py, whose placeholders would hide what the pod is given as files.
"""

from app.queues import ROUTES
from tests.routes import routes

ROUTES.update(routes("cargo", "ledger"))

from app.settings import *  # noqa: E402, F403
from app.settings import INSTALLED_APPS, STORAGES  # noqa: E402

INSTALLED_APPS = [*INSTALLED_APPS, "tests.faults.ledger", "cargo"]
ROOT_URLCONF = "cargo.urls"
# The image has the admin's files collected, which nobody has done here.
STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
