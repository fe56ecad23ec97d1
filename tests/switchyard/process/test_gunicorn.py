"""What gunicorn is told of the role ``web``."""

import runpy
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from gunicorn.util import parse_address
from gunicorn.workers import SUPPORTED_WORKERS


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::", "localhost"])
def test_web_listens_where_bind_address_says(settings: Any, address: str) -> None:
    settings.SWITCHYARD_BIND_ADDRESS, settings.SWITCHYARD_PORT = address, 8001
    told = runpy.run_module("switchyard.process.gunicorn")
    assert parse_address(told["bind"]) == (address, 8001)


def test_web_keeps_idle_connections_as_long_as_it_is_told(settings: Any) -> None:
    settings.SWITCHYARD_WEB_KEEPALIVE_SECONDS = 400
    assert runpy.run_module("switchyard.process.gunicorn")["keepalive"] == 400


@pytest.mark.parametrize(
    ("asynchronous", "worker", "application"),
    [
        (False, "switchyard.process.buffering.BufferingWorker", "app.wsgi:application"),
        (True, "asgi", "app.asgi:application"),
    ],
)
def test_web_serves_the_application_of_its_interface(
    settings: Any, asynchronous: bool, worker: str, application: str
) -> None:
    settings.SWITCHYARD_WEB_ASGI = asynchronous
    told = runpy.run_module("switchyard.process.gunicorn")
    assert (told["worker_class"], told["wsgi_app"]) == (worker, application)


def test_a_project_that_names_no_application_is_served_all_the_same(settings: Any) -> None:
    del settings.ASGI_APPLICATION
    settings.SWITCHYARD_WEB_ASGI = True
    told = runpy.run_module("switchyard.process.gunicorn")
    assert told["wsgi_app"] == "switchyard.process.asgi:application"


def test_web_says_which_gunicorn_it_needs(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.SWITCHYARD_WEB_ASGI = True
    monkeypatch.delitem(SUPPORTED_WORKERS, "asgi")
    with pytest.raises(CommandError, match="needs gunicorn 24 or later; this is 2"):
        call_command("switchyard", "web")
