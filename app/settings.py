"""Settings: the only reader of the environment.

Every ``env`` line is a row of the README's settings table. Any variable can be given as a file instead
(``DATABASE_URL_FILE=/run/secrets/database-url``), as mounted secrets are.
"""

import logging
import socket
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from environs import FileAwareEnv, validate

from app.broker.frames import forgiving_frame_handler
from app.logs import logging_config

env = FileAwareEnv(strip_whitespace=True)

ROOT = Path(__file__).resolve().parent

# Django
DEBUG = env.bool("DEBUG", False)
SECRET_KEY = env.str("SECRET_KEY")
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", [])
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", [])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", [])
PUBLIC_URL = env.str("PUBLIC_URL", "http://localhost:8000").rstrip("/")

INSTALLED_APPS = [
    "app",
    "app.accounts",
    "app.reports",
    "app.webhooks",
    "app.outbox",
    "app.deadletters",
    "app.schedule",
    "app.metrics",
    "app.ops",
    "app.tasks",
    "django_celery_beat",
    "django_celery_results",
    "django_structlog",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "app.health.Probes",
    "app.metrics.web.Requests",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
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
ROOT_URLCONF = "app.urls"
WSGI_APPLICATION = "app.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "static/"
STATIC_ROOT = env.str("STATIC_ROOT", str(ROOT.parent / "static"))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
# Without `collectstatic` (a laptop) the admin's files are served from where they are installed.
WHITENOISE_USE_FINDERS = DEBUG
if DEBUG:
    STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"

# Browsers are told to use HTTPS only when the public address is HTTPS.
_HTTPS = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _HTTPS
SECURE_SSL_REDIRECT = _HTTPS
SECURE_HSTS_SECONDS = env.int("HSTS_SECONDS", 3600) if _HTTPS else 0
TRUST_PROXY = env.bool("TRUST_PROXY", False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUST_PROXY else None

# PostgreSQL. A pool bounds the connections of a process that runs many threads; a prefork worker keeps one.
DATABASE_POOL_SIZE = env.int("DATABASE_POOL_SIZE", 0)
DATABASES = {"default": env.dj_db_url("DATABASE_URL", engine="app.outbox.postgres", conn_health_checks=True)}
if DATABASE_POOL_SIZE:
    DATABASES["default"].setdefault("OPTIONS", {})["pool"] = {
        "min_size": 1,
        "max_size": DATABASE_POOL_SIZE,
        "timeout": 30,
    }
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 60

# RabbitMQ
_BROKER = env.str("BROKER_URL")
# `amqp` changes its driver as soon as librabbitmq can be imported; py-amqp is the one that has been tested.
CELERY_BROKER_URL = f"py{_BROKER}" if _BROKER.startswith("amqp://") else _BROKER
_TLS = _BROKER.startswith("amqps://")
# py-amqp compares the certificate's name only with one that it is given. None is that of the URL; of several
# hosts it is the first one's, which the certificates of the others must have too.
CELERY_BROKER_USE_SSL = {"server_hostname": None} if _TLS else False
BROKER_MANAGEMENT_URL = env.str("BROKER_MANAGEMENT_URL", "")
if not BROKER_MANAGEMENT_URL:
    _parts = urlsplit(_BROKER.partition(";")[0])
    _login = _parts.netloc.rpartition("@")[0]
    _scheme, _port = ("https", 15671) if _TLS else ("http", 15672)
    BROKER_MANAGEMENT_URL = f"{_scheme}://{_login}{'@' if _login else ''}{_parts.hostname}:{_port}"

# Celery: options that do not follow from a queue (those are in app/celery.py and app/tasks/base.py).
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "confirm_publish": True,
    "frame_handler": forgiving_frame_handler,
    "read_timeout": 15,
    "write_timeout": 10,
    # Milliseconds. py-amqp's own limit is 1 s, which a short network hiccup exceeds. Linux only.
    "socket_settings": {socket.TCP_USER_TIMEOUT: 10_000} if hasattr(socket, "TCP_USER_TIMEOUT") else {},
}
CELERY_BROKER_CONNECTION_TIMEOUT = 3
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_CHANNEL_ERROR_RETRY = True
CELERY_BROKER_HEARTBEAT = 30
CELERY_BROKER_POOL_LIMIT = 20
CELERY_BROKER_POOL_ACQUIRE_TIMEOUT = 5
CELERY_TASK_PUBLISH_RETRY_POLICY = {
    "max_retries": 2,
    "interval_start": 0,
    "interval_step": 0.2,
    "interval_max": 1,
}
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_SERIALIZER = "json"
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_ACKS_ON_FAILURE = False
CELERY_TASK_ACKS_ON_TIMEOUT = False
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_STORE_ERRORS_EVEN_IF_IGNORED = True
CELERY_RESULT_BACKEND = "app.tasks.results:ResultBackend"
CELERY_RESULT_EXTENDED = True
CELERY_RESULT_EXPIRES = 14 * 24 * 3600
CELERY_WORKER_CONSUMER = "app.tasks.refusal:RefusingConsumer"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_PROC_ALIVE_TIMEOUT = 30
CELERY_WORKER_MAX_TASKS_PER_CHILD = 1000
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "app.schedule.scheduler:Scheduler"
DJANGO_CELERY_BEAT_TZ_AWARE = True

# Mail
EMAIL_HOST = env.str("EMAIL_HOST", "localhost")
EMAIL_PORT = env.int("EMAIL_PORT", 25)
EMAIL_HOST_USER = env.str("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env.str("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = env.bool("EMAIL_USE_TLS", False)
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", "Switchyard <noreply@localhost>")

# The service's own work
SIGNUPS_PER_HOUR = env.int("SIGNUPS_PER_HOUR", 20)
TOKEN_LIFETIME_DAYS = env.int("TOKEN_LIFETIME_DAYS", 30)
WEBHOOKS_ALLOW_PRIVATE = env.bool("WEBHOOKS_ALLOW_PRIVATE", False)

# Roles
BIND_ADDRESS = env.str("BIND_ADDRESS", "0.0.0.0")  # noqa: S104 - a container is reached from outside
PORT = env.int("PORT", 8000)
WEB_PROCESSES = env.int("WEB_PROCESSES", 1)
WEB_THREADS = env.int("WEB_THREADS", 8)
EXPORTER_PORT = env.int("EXPORTER_PORT", 9808)
RELAY_PORT = env.int("RELAY_PORT", 9809)
WORKER_METRICS_PORT = env.int("WORKER_METRICS_PORT", 9810)
WEB_METRICS_PORT = env.int("WEB_METRICS_PORT", 9811)
HEARTBEAT_FILE = Path(env.str("HEARTBEAT_FILE", str(Path(tempfile.gettempdir()) / "switchyard-heartbeat")))
WAIT_SECONDS = env.int("WAIT_SECONDS", 60)

# Logs
LOG_FORMAT = env.str("LOG_FORMAT", "auto", validate=validate.OneOf(["auto", "json", "console"]))
LOG_LEVEL = env.str("LOG_LEVEL", "INFO")
NO_COLOR = bool(env.str("NO_COLOR", ""))
LOGGING = logging_config(LOG_FORMAT, LOG_LEVEL)
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = logging.DEBUG
