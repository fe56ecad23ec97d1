"""The whole service on one machine: its own PostgreSQL, RabbitMQ and mail, all of it under `.local/`."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - the one place that an older Python reaches
    sys.exit(
        "Python 3.11 or newer is needed, and this is {}.{}: set PYTHON=/path/to/a/newer/python3.".format(
            *sys.version_info[:2]
        )
    )
