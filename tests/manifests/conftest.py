"""The live tests' broker and roles, for the tests that try the rendered rights on them."""

from tests.live.conftest import environment, processes, vhost

__all__ = ["environment", "processes", "vhost"]
