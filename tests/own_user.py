"""The service's settings with a user model of the team's own."""

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.people"]
AUTH_USER_MODEL = "people.Person"
