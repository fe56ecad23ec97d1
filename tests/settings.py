"""The service's settings plus a gallery of small tasks. tests/conftest.py sets the servers' addresses."""

import os

#: So that the settings can be read before a server runs. A second process of a run finds them set.
PLACEHOLDERS = {
    "BROKER_URL": "pyamqp://nobody@127.0.0.1:1/unset",
    "DATABASE_URL": "postgres://nobody@127.0.0.1:1/unset",
}
#: What the person who runs the tests has set: a broker or database to use instead of private ones.
GIVEN = {name: os.environ.get(name, "") for name in ("BROKER_URL", "BROKER_MANAGEMENT_URL", "DATABASE_URL")}
GIVEN |= {name: "" for name, placeholder in PLACEHOLDERS.items() if GIVEN[name] == placeholder}

os.environ.setdefault("SECRET_KEY", "only-for-tests")
# A key that anybody may know is for a machine that nobody else reaches.
os.environ.setdefault("BIND_ADDRESS", "127.0.0.1")
os.environ.setdefault("ALLOWED_HOSTS", "testserver,localhost,127.0.0.1")
for variable, placeholder in PLACEHOLDERS.items():
    os.environ.setdefault(variable, placeholder)

from app.queues import QUEUES, ROUTES  # noqa: E402
from tests.routes import routes  # noqa: E402

ROUTES.update(routes("gallery", "ledger"))
ROUTES["tests.gallery.enqueued.*"] = next(iter(QUEUES))

from app.settings import *  # noqa: E402, F403
from app.settings import INSTALLED_APPS, STORAGES  # noqa: E402

INSTALLED_APPS = [*INSTALLED_APPS, "tests.gallery", "tests.faults.ledger"]
# The admin's pages name static files, which nobody has collected here.
STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
TASKS = {"default": {"BACKEND": "switchyard.backend.outbox.OutboxBackend"}}
