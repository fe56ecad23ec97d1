"""The variables of the environment: what each takes, what holds without it, and what it is for.

The one place that says so: ``app/settings.py`` reads them from here, ``python -m app --help`` lists them, and
the table of ``deploy/SETTINGS.md`` is this one. Any of them may be a file instead: ``NAME_FILE=/run/...``.
"""

from app.environment import (
    REQUIRED,
    Choice,
    Computed,
    Flag,
    Folder,
    Host,
    Names,
    Number,
    Text,
    Url,
    Urls,
    Variable,
)
from switchyard import database_from_url

WEB = ("http", "https")
DATABASES = ("postgres", "postgresql", "pgsql")
BROKERS = ("pyamqp", "amqp", "amqps", "librabbitmq")
PORT = Number(1, 65_535)
#: 0 takes a free one.
FREE_PORT = Number(0, 65_535)
#: Of anything an hour; 0 is none at all.
MANY = Number(0, 1_000_000_000)

VARIABLES = (
    Variable(
        "SECRET_KEY",
        Text(secret=True, least=1),
        REQUIRED,
        "Django's secret",
    ),
    Variable(
        "SECRET_KEY_FALLBACKS",
        Names(secret=True),
        (),
        "comma list of earlier secrets that still verify, while one is rotated",
    ),
    Variable(
        "DATABASE_URL",
        Url(DATABASES, secret=True, also=database_from_url),
        REQUIRED,
        "`postgres://user:password@host:5432/name`, with libpq's parameters ([below](#the-database))",
    ),
    Variable(
        "BROKER_URL",
        Url(BROKERS, secret=True),
        REQUIRED,
        "`pyamqp://user:password@host:5672/vhost`; `amqps://` for TLS, with a certificate of that "
        "host's name",
    ),
    Variable(
        "BROKER_READ_URL",
        Url(BROKERS, secret=True, bare=True),
        "",
        "`librabbitmq://`: workers read the same broker by the C client ([what it "
        "gives](../tests/bench/LIBRABBITMQ.md)), not with TLS",
    ),
    Variable(
        "BROKER_MANAGEMENT_URL",
        Url(WEB, secret=True),
        "",
        "`http://user:password@host:15672`; empty: that of `BROKER_URL`'s host and user (with "
        "`amqps://` that of TLS, 15671)",
    ),
    Variable(
        "PROMETHEUS_URL",
        Url(WEB, secret=True),
        "",
        "`http://host:9090`: whom `alerts explain` asks; empty: a look of its own",
    ),
    Variable(
        "ENVIRONMENT",
        Text(),
        "",
        "whose database and broker these are, as `production` or `staging`: a database of another "
        "one is left alone ([why](RESTORE.md))",
    ),
    Variable(
        "ENVIRONMENT_COLOUR",
        Text(),
        "",
        "`red`, `amber`, `green`, `blue` or `grey`, on the pages and in commands; empty: by the name, "
        "production red, staging amber, local, dev and test green, others blue",
    ),
    Variable(
        "PUBLIC_URL",
        Url(WEB),
        "http://localhost:8000",
        "where users reach web; `https://` also makes cookies and redirects secure",
    ),
    Variable(
        "ALLOWED_HOSTS",
        Names(),
        (),
        "comma list of host names that web answers to",
    ),
    Variable(
        "CSRF_TRUSTED_ORIGINS",
        Urls(WEB),
        (),
        "comma list of other origins that may post to the admin",
    ),
    Variable(
        "TRUST_PROXY",
        Flag(),
        False,
        "believe a proxy's `X-Forwarded-Proto` and `X-Forwarded-For`",
    ),
    Variable(
        "TRUSTED_PROXIES",
        Number(1, 10),
        1,
        "how many proxies of ours are in a row: so many entries from the right of `X-Forwarded- "
        "For` is the client",
    ),
    Variable(
        "HSTS_SECONDS",
        Number(0, 63_072_000),
        3600,
        "how long browsers insist on HTTPS, when `PUBLIC_URL` is HTTPS",
    ),
    Variable(
        "DEBUG",
        Flag(),
        False,
        "Django's debug pages; never in production",
    ),
    Variable(
        "STATIC_ROOT",
        Folder(),
        Computed("static/"),
        "where `collectstatic` puts the admin's files",
    ),
    Variable(
        "EMAIL_HOST",
        Text(least=1),
        "localhost",
        "SMTP server",
    ),
    Variable(
        "EMAIL_PORT",
        PORT,
        25,
        "its port",
    ),
    Variable(
        "EMAIL_HOST_USER",
        Text(),
        "",
        "SMTP user; empty: no login",
    ),
    Variable(
        "EMAIL_HOST_PASSWORD",
        Text(secret=True),
        "",
        "SMTP password",
    ),
    Variable(
        "EMAIL_USE_TLS",
        Flag(),
        False,
        "STARTTLS, as port 587 has it",
    ),
    Variable(
        "EMAIL_USE_SSL",
        Flag(),
        False,
        "TLS from the first byte, as port 465 has it; not both",
    ),
    Variable(
        "DEFAULT_FROM_EMAIL",
        Text(least=3),
        "Switchyard <noreply@localhost>",
        "sender of every mail",
    ),
    Variable(
        "SIGNUPS_PER_HOUR",
        MANY,
        20,
        "sign-ups taken from one client address; 0: none",
    ),
    Variable(
        "STAFF_IDLE_MINUTES",
        Number(1, 1440),
        30,
        "after how long without a request staff has to log in again",
    ),
    Variable(
        "LOGINS_PER_HOUR",
        MANY,
        30,
        "log-ins tried from one client address; five times as many for one name",
    ),
    Variable(
        "REPORTS_PER_HOUR",
        MANY,
        1000,
        "reports that one user may ask for",
    ),
    Variable(
        "WEBHOOKS_PER_HOUR",
        MANY,
        100,
        "targets that one user may register",
    ),
    Variable(
        "IN_TOTAL_PER_HOUR",
        MANY,
        100_000,
        "each of these, by everybody together",
    ),
    Variable(
        "TOKEN_LIFETIME_DAYS",
        Number(1, 3650),
        30,
        "how long the token of a sign-up is good",
    ),
    Variable(
        "REPORTS_AT_ONCE",
        Number(0, 1_000_000),
        100,
        "reports of one user that may be unfinished at a time",
    ),
    Variable(
        "KEEP_EVENTS_DAYS",
        Number(1, 3650),
        90,
        "how long events and their deliveries are kept",
    ),
    Variable(
        "WEBHOOKS_ALLOW_PRIVATE",
        Flag(),
        False,
        "deliver to private and loopback addresses; for a laptop",
    ),
    Variable(
        "BIND_ADDRESS",
        Host(),
        "0.0.0.0",  # noqa: S104 - a container is reached from outside
        "address that web and every role's metrics listen on",
    ),
    Variable(
        "PORT",
        PORT,
        8000,
        "web's port",
    ),
    Variable(
        "WEB_PROCESSES",
        Number(1, 256),
        1,
        "gunicorn processes",
    ),
    Variable(
        "WEB_THREADS",
        Number(1, 1024),
        8,
        "threads of each",
    ),
    Variable(
        "WEB_KEEPALIVE_SECONDS",
        Number(0, 3600),
        75,
        "how long web keeps an idle connection; longer than the load balancer before it, which "
        "else sends into one just closed",
    ),
    Variable(
        "WEB_BODY_LIMIT_BYTES",
        Number(1024, 1_073_741_824),
        2_621_440,
        "the largest body of a request that web takes, in any project; the example's own "
        "endpoints take 64 KiB",
    ),
    Variable(
        "WEB_QUERY_SECONDS",
        Number(0, 3600),
        15,
        "how long a statement of a request may take before it is given up and answered 503; 0: any time",
    ),
    Variable(
        "WEB_ASGI",
        Flag(),
        False,
        "serve by gunicorn's ASGI worker, for who has async views; `WEB_THREADS` does not hold "
        "then ([below](#async-views))",
    ),
    Variable(
        "EXPORTER_PORT",
        FREE_PORT,
        9808,
        "the exporter's port",
    ),
    Variable(
        "RELAY_PORT",
        FREE_PORT,
        9809,
        "port of the relay's `/metrics` and `/livez`",
    ),
    Variable(
        "WORKER_METRICS_PORT",
        FREE_PORT,
        9810,
        "the same of a worker; 0 takes a free one, for two workers on one machine",
    ),
    Variable(
        "WEB_METRICS_PORT",
        FREE_PORT,
        9811,
        "the same of web",
    ),
    Variable(
        "DATABASE_POOL_SIZE",
        Number(0, 1000),
        10,
        "connections that the threads of `web`, or of a worker on threads, share; 0: one for each thread",
    ),
    Variable(
        "DISABLE_SERVER_SIDE_CURSORS",
        Flag(),
        False,
        "true behind a pooler in transaction mode (below)",
    ),
    Variable(
        "HEARTBEAT_FILE",
        Folder(),
        Computed("switchyard-heartbeat in the temporary folder"),
        "touched by workers, beat and relay while they make progress",
    ),
    Variable(
        "WAIT_SECONDS",
        Number(0, 86_400),
        60,
        "how long a role waits for what it needs",
    ),
    Variable(
        "MIGRATION_WAIT_SECONDS",
        Number(0, 86_400),
        120,
        "how long `release` tries to get the locks of its migrations, and waits for another "
        "release ([how](ROLES.md#a-release))",
    ),
    Variable(
        "LOG_FORMAT",
        Choice("auto", "json", "console"),
        "auto",
        "`json`, `console`, or `auto`: console on a terminal",
    ),
    Variable(
        "LOG_LEVEL",
        Choice("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
        "INFO",
        "of every logger",
    ),
    Variable(
        "NO_COLOR",
        Text(),
        "",
        "anything: no colour in `queues`, on a terminal either",
    ),
)
