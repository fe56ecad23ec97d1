"""Of two installations in one database each counts and locks its own sign-ups."""

from collections.abc import Iterator

import pytest
from django.db import OperationalError, connection, transaction

from app.accounts.throttle import Bucket, admit
from switchyard.pooler import connected
from tests.schema import installed_in, seen_from

SIGN_UP = Bucket("sign up", "192.0.2.1", 20)


@pytest.fixture
def second(transactional_db: None) -> Iterator[str]:
    with installed_in("second") as schema:
        yield schema


def test_sign_ups_of_one_address_wait_for_each_other_in_one_installation_only(second: str) -> None:
    admit(SIGN_UP)
    with connected() as link, link.transaction():
        link.execute("SELECT 1 FROM accounts_allowance WHERE key = %s FOR UPDATE", [SIGN_UP.key])
        with seen_from(second):
            admit_within(1000)
        with pytest.raises(OperationalError, match="lock timeout"):
            admit_within(50)


def admit_within(milliseconds: int) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = {milliseconds}")
        admit(SIGN_UP)
