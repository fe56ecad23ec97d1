"""Settings: the only reader of the environment.

What each variable takes is declared in ``app/environment``. Any can be given as a file instead
(``DATABASE_URL_FILE=/run/secrets/database-url``), as mounted secrets are.
"""

import logging
import tempfile
from pathlib import Path
from typing import Any

from django.core import checks

from app.environment import VARIABLES
from app.environment.reader import Environment
from app.environment.unknown import check_unknown
from switchyard import database_from_url
from switchyard.process.logs import logging_config

env = Environment(VARIABLES)
checks.register(check_unknown(VARIABLES))

ROOT = Path(__file__).resolve().parent

# Django
DEBUG = env("DEBUG")
SECRET_KEY = env("SECRET_KEY")
SECRET_KEY_FALLBACKS: list[str] = env("SECRET_KEY_FALLBACKS")
ALLOWED_HOSTS: list[str] = env("ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS: list[str] = env("CSRF_TRUSTED_ORIGINS")
PUBLIC_URL = env("PUBLIC_URL").rstrip("/")

INSTALLED_APPS = [
    "app.accounts",
    "app.reports",
    "app.webhooks",
    "switchyard",
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
    "switchyard.process.health.Probes",
    "switchyard.metrics.web.Requests",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "switchyard.process.content_policy.ContentPolicy",
    "switchyard.process.request_lines.RequestIds",
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
ASGI_APPLICATION = "app.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "static/"
STATIC_ROOT = str(env("STATIC_ROOT", ROOT.parent / "static"))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
# Without `collectstatic` (a laptop) the admin's files are served from where they are installed.
WHITENOISE_USE_FINDERS = DEBUG
if DEBUG:
    STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"

AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "CommonPasswordValidator")
]
AUTH_PASSWORD_VALIDATORS.append(
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    }
)
# Only staff has sessions; everybody else has tokens.
SESSION_COOKIE_AGE = env("STAFF_IDLE_MINUTES") * 60
SESSION_SAVE_EVERY_REQUEST = True

# Browsers are told to use HTTPS only when the public address is HTTPS.
_HTTPS = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _HTTPS
SECURE_SSL_REDIRECT = _HTTPS
SECURE_HSTS_SECONDS = env("HSTS_SECONDS") if _HTTPS else 0
TRUST_PROXY = env("TRUST_PROXY")
TRUSTED_PROXIES = env("TRUSTED_PROXIES")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUST_PROXY else None

# PostgreSQL
DATABASES = {
    "default": {
        "ENGINE": "switchyard.postgresql",
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": env("DISABLE_SERVER_SIDE_CURSORS"),
        **database_from_url(env("DATABASE_URL")),
    }
}
SWITCHYARD_POOL_SIZE = env("DATABASE_POOL_SIZE")

# RabbitMQ and Celery, whose other options are the engine's (switchyard/broker/options.py)
CELERY_BROKER_URL = env("BROKER_URL")
CELERY_BROKER_READ_URL = env("BROKER_READ_URL")
SWITCHYARD_BROKER_MANAGEMENT_URL = env("BROKER_MANAGEMENT_URL")
SWITCHYARD_PROMETHEUS_URL = env("PROMETHEUS_URL")
SWITCHYARD_QUEUES = "app.queues"
SWITCHYARD_CLIENT_ADDRESS = "app.accounts.client.client_address"
SWITCHYARD_COMMAND = "python -m app"
DJANGO_CELERY_BEAT_TZ_AWARE = True

# Mail
EMAIL_HOST = env("EMAIL_HOST")
EMAIL_PORT = env("EMAIL_PORT")
EMAIL_HOST_USER = env("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = env("EMAIL_HOST_PASSWORD")
EMAIL_USE_TLS = env("EMAIL_USE_TLS")
EMAIL_USE_SSL = env("EMAIL_USE_SSL")
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = env("DEFAULT_FROM_EMAIL")

# The service's own work
SIGNUPS_PER_HOUR = env("SIGNUPS_PER_HOUR")
LOGINS_PER_HOUR = env("LOGINS_PER_HOUR")
REPORTS_PER_HOUR = env("REPORTS_PER_HOUR")
WEBHOOKS_PER_HOUR = env("WEBHOOKS_PER_HOUR")
IN_TOTAL_PER_HOUR = env("IN_TOTAL_PER_HOUR")
TOKEN_LIFETIME_DAYS = env("TOKEN_LIFETIME_DAYS")
REPORTS_AT_ONCE = env("REPORTS_AT_ONCE")
KEEP_EVENTS_DAYS = env("KEEP_EVENTS_DAYS")
WEBHOOKS_ALLOW_PRIVATE = env("WEBHOOKS_ALLOW_PRIVATE")

# Roles
SWITCHYARD_ENVIRONMENT = env("ENVIRONMENT")
SWITCHYARD_ENVIRONMENT_COLOUR = env("ENVIRONMENT_COLOUR")
SWITCHYARD_BIND_ADDRESS = env("BIND_ADDRESS")
SWITCHYARD_PORT = env("PORT")
SWITCHYARD_WEB_PROCESSES = env("WEB_PROCESSES")
SWITCHYARD_WEB_THREADS = env("WEB_THREADS")
SWITCHYARD_WEB_KEEPALIVE_SECONDS = env("WEB_KEEPALIVE_SECONDS")
SWITCHYARD_WEB_BODY_LIMIT_BYTES = env("WEB_BODY_LIMIT_BYTES")
SWITCHYARD_WEB_QUERY_SECONDS = env("WEB_QUERY_SECONDS")
SWITCHYARD_WEB_ASGI = env("WEB_ASGI")
SWITCHYARD_EXPORTER_PORT = env("EXPORTER_PORT")
SWITCHYARD_RELAY_PORT = env("RELAY_PORT")
SWITCHYARD_WORKER_METRICS_PORT = env("WORKER_METRICS_PORT")
SWITCHYARD_WEB_METRICS_PORT = env("WEB_METRICS_PORT")
SWITCHYARD_HEARTBEAT_FILE = env("HEARTBEAT_FILE", Path(tempfile.gettempdir()) / "switchyard-heartbeat")
SWITCHYARD_WAIT_SECONDS = env("WAIT_SECONDS")
SWITCHYARD_MIGRATION_WAIT_SECONDS = env("MIGRATION_WAIT_SECONDS")

# Logs
LOG_FORMAT = env("LOG_FORMAT")
LOG_LEVEL = env("LOG_LEVEL")
SWITCHYARD_NO_COLOR = bool(env("NO_COLOR"))
LOGGING = logging_config(LOG_FORMAT, LOG_LEVEL)
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = logging.DEBUG
DEFAULT_EXCEPTION_REPORTER = "switchyard.process.error_reports.Reporter"
DEFAULT_EXCEPTION_REPORTER_FILTER = "switchyard.process.error_reports.Filter"
