"""The live tests' broker and roles, for the tests that try the rendered rights on them."""

from collections.abc import Iterator

import pytest

from tests.live.broker import Vhost
from tests.live.conftest import environment, processes, vhost
from tests.manifests.users import Users

__all__ = ["environment", "processes", "users", "vhost"]


@pytest.fixture
def users(vhost: Vhost) -> Iterator[Users]:
    users = Users(vhost)
    users.make()
    yield users
    users.delete()
