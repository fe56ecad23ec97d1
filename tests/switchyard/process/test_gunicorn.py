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


def test_web_keeps_idle_connections_as_long_as_it_is_told(settings: Any) -> None:
    settings.SWITCHYARD_WEB_KEEPALIVE_SECONDS = 400
    assert runpy.run_module("switchyard.process.gunicorn")["keepalive"] == 400
