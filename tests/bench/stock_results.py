"""The benchmark's settings, with django-celery-results' own backend."""

from tests.bench.settings import *  # noqa: F403

CELERY_RESULT_BACKEND = "django-db"
