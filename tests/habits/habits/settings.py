"""A project with other people's habits. With HABITS_STOCK it knows nothing of the engine: the control."""

import os

import dj_database_url

STOCK = "HABITS_STOCK" in os.environ

SECRET_KEY = "habits"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "habits.urls"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
INSTALLED_APPS = [
    "shop",
    "declared",
    "django_celery_results",
    "django_celery_beat",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    *([] if STOCK else ["switchyard"]),
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
ENGINE = "django.db.backends.postgresql" if STOCK else "switchyard.postgresql"
DATABASES = {"default": dj_database_url.parse(os.environ["HABITS_DATABASE"], engine=ENGINE)}

CELERY_BEAT_SCHEDULE = {
    "says": {"task": "declared.tasks_settings.says", "schedule": 1.0, "args": ["beat", "tick"]}
}
CELERY_BROKER_URL = os.environ["HABITS_BROKER"]
if STOCK:
    CELERY_RESULT_BACKEND = "django-db"
    CELERY_RESULT_EXTENDED = True
    # Not what is compared; without it RabbitMQ 4.3 refuses the worker's transient queues.
    CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
else:
    SWITCHYARD_QUEUES = "habits.queues"
    SWITCHYARD_BROKER_MANAGEMENT_URL = os.environ["HABITS_MANAGEMENT"]
    SWITCHYARD_BIND_ADDRESS = "127.0.0.1"
    SWITCHYARD_WORKER_METRICS_PORT = 0
    SWITCHYARD_RELAY_PORT = 0
    SWITCHYARD_HEARTBEAT_FILE = __import__("pathlib").Path(os.environ["HABITS_HEARTBEAT"])
