"""What gunicorn is told of the role ``web``."""

import runpy
from typing import Any

import pytest
from gunicorn.util import parse_address


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::", "localhost"])
def test_web_listens_where_bind_address_says(settings: Any, address: str) -> None:
    settings.SWITCHYARD_BIND_ADDRESS, settings.SWITCHYARD_PORT = address, 8001
    told = runpy.run_module("switchyard.process.gunicorn")
    assert parse_address(told["bind"]) == (address, 8001)
