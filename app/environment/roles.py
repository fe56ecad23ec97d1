"""What the roles listen on, wait for and hold."""

from app.environment.kinds import Flag, Folder, Host, Number
from app.environment.variable import Computed, Variable

#: 0 takes a free one.
FREE_PORT = Number(0, 65_535)
PORT = Number(1, 65_535)

ROLES = (
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
)
