"""The servers that everything works with, and whose they are."""

from app.environment.kinds import HTTP, Names, Text, Url
from app.environment.variable import REQUIRED, Variable
from switchyard import database_from_url

DATABASES = ("postgres", "postgresql", "pgsql")
BROKERS = ("pyamqp", "amqp", "amqps", "librabbitmq")

SERVERS = (
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
        Url(HTTP, secret=True),
        "",
        "`http://user:password@host:15672`; empty: that of `BROKER_URL`'s host and user (with "
        "`amqps://` that of TLS, 15671)",
    ),
    Variable(
        "PROMETHEUS_URL",
        Url(HTTP, secret=True),
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
)
