"""Settings: the only reader of the environment.

Every ``env`` line is a row of the README's settings table. Any variable can be given as a file instead
(``DATABASE_URL_FILE=/run/secrets/database-url``), as mounted secrets are.
"""

import logging
import tempfile
from pathlib import Path

from environs import FileAwareEnv, validate

from switchyard import database_from_url
from switchyard.process.logs import logging_config

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
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", 1)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUST_PROXY else None

# PostgreSQL
DATABASES = {
    "default": {
        "ENGINE": "switchyard.postgresql",
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": env.bool("DISABLE_SERVER_SIDE_CURSORS", False),
        **database_from_url(env.str("DATABASE_URL")),
    }
}
SWITCHYARD_POOL_SIZE = env.int("DATABASE_POOL_SIZE", 10)

# RabbitMQ and Celery, whose other options are the engine's (switchyard/broker/options.py)
CELERY_BROKER_URL = env.str("BROKER_URL")
CELERY_BROKER_READ_URL = env.str("BROKER_READ_URL", "")
SWITCHYARD_BROKER_MANAGEMENT_URL = env.str("BROKER_MANAGEMENT_URL", "")
SWITCHYARD_QUEUES = "app.queues"
SWITCHYARD_COMMAND = "python -m app"
DJANGO_CELERY_BEAT_TZ_AWARE = True

# Mail
EMAIL_HOST = env.str("EMAIL_HOST", "localhost")
EMAIL_PORT = env.int("EMAIL_PORT", 25)
EMAIL_HOST_USER = env.str("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env.str("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = env.bool("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = env.bool("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", "Switchyard <noreply@localhost>")

# The service's own work
SIGNUPS_PER_HOUR = env.int("SIGNUPS_PER_HOUR", 20)
LOGINS_PER_HOUR = env.int("LOGINS_PER_HOUR", 30)
REPORTS_PER_HOUR = env.int("REPORTS_PER_HOUR", 1000)
WEBHOOKS_PER_HOUR = env.int("WEBHOOKS_PER_HOUR", 100)
IN_TOTAL_PER_HOUR = env.int("IN_TOTAL_PER_HOUR", 100_000)
TOKEN_LIFETIME_DAYS = env.int("TOKEN_LIFETIME_DAYS", 30)
REPORTS_AT_ONCE = env.int("REPORTS_AT_ONCE", 100)
KEEP_EVENTS_DAYS = env.int("KEEP_EVENTS_DAYS", 90)
WEBHOOKS_ALLOW_PRIVATE = env.bool("WEBHOOKS_ALLOW_PRIVATE", False)

# Roles
SWITCHYARD_ENVIRONMENT = env.str("ENVIRONMENT", "")
SWITCHYARD_BIND_ADDRESS = env.str("BIND_ADDRESS", "0.0.0.0")  # noqa: S104 - a container is reached from outside
SWITCHYARD_PORT = env.int("PORT", 8000)
SWITCHYARD_WEB_PROCESSES = env.int("WEB_PROCESSES", 1)
SWITCHYARD_WEB_THREADS = env.int("WEB_THREADS", 8)
SWITCHYARD_WEB_KEEPALIVE_SECONDS = env.int("WEB_KEEPALIVE_SECONDS", 75)
SWITCHYARD_WEB_BODY_LIMIT_BYTES = env.int("WEB_BODY_LIMIT_BYTES", 2_621_440)
SWITCHYARD_WEB_QUERY_SECONDS = env.int("WEB_QUERY_SECONDS", 15)
SWITCHYARD_WEB_ASGI = env.bool("WEB_ASGI", False)
SWITCHYARD_EXPORTER_PORT = env.int("EXPORTER_PORT", 9808)
SWITCHYARD_RELAY_PORT = env.int("RELAY_PORT", 9809)
SWITCHYARD_WORKER_METRICS_PORT = env.int("WORKER_METRICS_PORT", 9810)
SWITCHYARD_WEB_METRICS_PORT = env.int("WEB_METRICS_PORT", 9811)
SWITCHYARD_HEARTBEAT_FILE = env.path("HEARTBEAT_FILE", Path(tempfile.gettempdir()) / "switchyard-heartbeat")
SWITCHYARD_WAIT_SECONDS = env.int("WAIT_SECONDS", 60)
SWITCHYARD_MIGRATION_WAIT_SECONDS = env.int("MIGRATION_WAIT_SECONDS", 120)

# Logs
LOG_FORMAT = env.str("LOG_FORMAT", "auto", validate=validate.OneOf(["auto", "json", "console"]))
LOG_LEVEL = env.str("LOG_LEVEL", "INFO")
SWITCHYARD_NO_COLOR = bool(env.str("NO_COLOR", ""))
LOGGING = logging_config(LOG_FORMAT, LOG_LEVEL)
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = logging.DEBUG
DEFAULT_EXCEPTION_REPORTER = "switchyard.process.error_reports.Reporter"
DEFAULT_EXCEPTION_REPORTER_FILTER = "switchyard.process.error_reports.Filter"
