"""The live tests' broker and roles, for the tests that try the rendered rights on them."""

from tests.live.conftest import processes, vhost

__all__ = ["processes", "vhost"]
