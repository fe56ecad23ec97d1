"""The connections that the threads of a process share."""

import os
import subprocess
import sys

import pytest

BASE = {
    "PATH": os.environ["PATH"],
    "SECRET_KEY": "a",
    "DATABASE_URL": "postgres://u:p@db:5432/n",
    "BROKER_URL": "pyamqp://u:p@mq:5672/v",
}
POOL = (
    "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'app.settings'\n"
    "import django; django.setup()\n"
    "from django.db import connection\n"
    "from switchyard.database import share_connections\n"
    "share_connections()\n"
    "print(connection.settings_dict['OPTIONS'].get('pool', {}).get('max_size'),"
    " connection.settings_dict['CONN_MAX_AGE'])"
)


@pytest.mark.parametrize(
    ("environment", "said"),
    [({}, "10 0"), ({"DATABASE_POOL_SIZE": "7"}, "7 0"), ({"DATABASE_POOL_SIZE": "0"}, "None 60")],
)
def test_threads_share_a_pool_unless_the_project_says_none(environment: dict[str, str], said: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", POOL], env=BASE | environment, capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == said
