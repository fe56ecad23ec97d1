"""A broker URL by which work could be lost, or never read, is found before anything starts."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.checks import Error

from app.celery import app
from switchyard.process import broker_checks
from switchyard.process.broker_checks import published_work_is_confirmed, workers_can_read

URL = "pyamqp://u:hush@h/v"


@pytest.fixture(autouse=True)
def urls(settings) -> Iterator[Any]:
    settings.CELERY_BROKER_URL = URL
    settings.CELERY_BROKER_READ_URL = ""
    return settings


def test_the_usual_is_clean() -> None:
    assert not list(published_work_is_confirmed())
    assert not list(workers_can_read())


@pytest.mark.parametrize(
    ("url", "why"),
    [("librabbitmq://host//", "no publisher confirms"), ("redis://host/0", "not an AMQP driver")],
)
@pytest.mark.parametrize("option", ["BROKER_URL", "BROKER_WRITE_URL"])
def test_a_driver_that_cannot_publish_is_found_and_the_reason_given(
    settings, option: str, url: str, why: str
) -> None:
    setattr(settings, f"CELERY_{option}", url)
    [error] = published_work_is_confirmed()
    assert error.id == "yard.E11"
    assert error.msg.startswith(f"{option} asks for")
    assert why in error.msg
    assert "pyamqp://" in error.hint


@pytest.mark.parametrize(
    "url", ["hush", "u:hush@h/v", "pyamqp://u:hush/x@h/v", "pyamqp://u:p@h/v;pyamqp://u:hush[@h/v"]
)
def test_a_url_that_cannot_be_read_is_found_and_not_quoted(settings, url: str) -> None:
    settings.CELERY_BROKER_URL = url
    [error] = published_work_is_confirmed()
    assert error.id == "yard.E11"
    assert "BROKER_URL" in error.msg
    assert "hush" not in str(error)
    assert "pyamqp://" in error.hint


def test_workers_can_read_by_the_c_client(settings) -> None:
    settings.CELERY_BROKER_READ_URL = "librabbitmq://u:hush@h/v"
    assert not list(workers_can_read())


def missing(settings, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "librabbitmq", None)
    monkeypatch.setattr(broker_checks, "find_spec", lambda _: None)


def by_tls(settings, monkeypatch) -> None:
    monkeypatch.setitem(app.conf, "broker_use_ssl", {"server_hostname": None})


def nothing(settings, monkeypatch) -> None:
    pass


@pytest.mark.parametrize(
    ("url", "around", "why", "remedy"),
    [
        ("librabbitmq://u:hush@h/v", missing, "not installed", "switchyard[librabbitmq]"),
        ("librabbitmq://u:hush@h/v", by_tls, "knows no TLS", "Leave BROKER_READ_URL out"),
        ("librabbitmq://u:hush@h/other", nothing, "the vhost 'other'", "BROKER_READ_URL=librabbitmq://"),
        ("pyamqp://u:hush@h/other", nothing, "the vhost 'other'", "BROKER_READ_URL=librabbitmq://"),
        ("redis://u:hush@h/v", nothing, "BROKER_READ_URL asks for redis://", "Leave BROKER_READ_URL out"),
        ("librabbitmq://u:hush/x@h/v", nothing, "BROKER_READ_URL must have", "Leave BROKER_READ_URL out"),
        ("librabbitmq://", nothing, "BROKER_READ_URL must have", "Leave BROKER_READ_URL out"),
    ],
)
def test_a_way_by_which_workers_cannot_read_is_found_and_the_remedy_given(
    settings, monkeypatch, *, url: str, around: Any, why: str, remedy: str
) -> None:
    settings.CELERY_BROKER_READ_URL = url
    around(settings, monkeypatch)
    [error] = workers_can_read()
    assert isinstance(error, Error)
    assert error.id == "yard.E11"
    assert why in error.msg
    assert remedy in error.hint
    assert "hush" not in str(error)
