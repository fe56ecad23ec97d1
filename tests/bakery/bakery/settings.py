"""Settings as a project has them that knows nothing of the engine but its three lines."""

import os

SECRET_KEY = "flour"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "bakery.urls"
STATIC_URL = "static/"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
AUTH_USER_MODEL = "orders.Baker"
INSTALLED_APPS = [
    "orders",
    "switchyard",
    "django_celery_beat",
    "django_celery_results",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
DATABASES = {
    "default": {
        "ENGINE": "switchyard.postgresql",
        "HOST": os.environ["BAKERY_DB_HOST"],
        "PORT": os.environ["BAKERY_DB_PORT"],
        "USER": os.environ["BAKERY_DB_USER"],
        "PASSWORD": os.environ["BAKERY_DB_PASSWORD"],
        "NAME": os.environ["BAKERY_DB_NAME"],
    }
}
OVEN_BROKER_URL = os.environ["BAKERY_BROKER"]
# Of its own, and kept.
OVEN_RESULT_EXPIRES = 3600
# Of its own, and replaced: check says so.
OVEN_TASK_ACKS_LATE = False
OVEN_TASK_ROUTES = {"orders.*": {"queue": "celery"}}

SWITCHYARD_QUEUES = "bakery.queues"
SWITCHYARD_BROKER_MANAGEMENT_URL = os.environ["BAKERY_MANAGEMENT"]
SWITCHYARD_BIND_ADDRESS = "127.0.0.1"
SWITCHYARD_WORKER_METRICS_PORT = 0
SWITCHYARD_RELAY_PORT = 0
SWITCHYARD_HEARTBEAT_FILE = __import__("pathlib").Path(os.environ["BAKERY_HEARTBEAT"])
