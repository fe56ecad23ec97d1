"""The connections that the threads of a process share."""

import os
import subprocess
import sys

import psycopg
import pytest
from django.db import connection, transaction

from switchyard.database import in_own_transaction

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
    "from switchyard.postgresql.pool import share_connections\n"
    "share_connections(wait_seconds=1)\n"
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


@pytest.mark.django_db
def test_the_transaction_that_a_test_case_wraps_around_a_test_is_not_the_callers() -> None:
    assert connection.in_atomic_block
    assert not in_own_transaction(connection)
    with transaction.atomic():
        assert in_own_transaction(connection)


@pytest.mark.django_db
def test_a_connection_of_ones_own_is_made_from_djangos_parameters() -> None:
    with psycopg.connect(**connection.get_connection_params()) as own:
        found = own.execute("SELECT current_database()").fetchone()
    assert found == (connection.settings_dict["NAME"],)
