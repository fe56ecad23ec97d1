"""Django's reports of an error hold no secret: not under a setting's name, in a frame, nor in a message."""

import sys
from urllib.parse import quote
from uuid import uuid4

import pytest
from django.conf import settings as django_settings
from django.test import RequestFactory
from django.views.debug import get_exception_reporter_class

#: Made anew, as a page shows the lines of this file too. The second has what HTML and Python write otherwise.
SHORT = uuid4().hex[:8]
LONG = f"{uuid4().hex}<&'{uuid4().hex}"
WORDS = (SHORT, *LONG.split("<&'"))


@pytest.fixture(autouse=True)
def secrets(settings) -> None:
    settings.DEBUG = True
    settings.CELERY_BROKER_URL = ";".join(f"pyamqp://u:{quote(LONG)}@{host}/v" for host in ("one", "other"))
    settings.SWITCHYARD_BROKER_MANAGEMENT_URL = f"http://u:{SHORT}@h"
    settings.OUR_SEARCH = {"default": {"nodes": [f"https://u:{SHORT}@h"]}}
    settings.SECRET_KEY_FALLBACKS = [LONG]


def report(error: Exception) -> str:
    """The page, and what a mail would hold, in one."""
    # Django's own server passes the environment on.
    request = RequestFactory().get("/", DATABASE_URL=f"postgres://u:{SHORT}@h/n")
    try:
        raise error
    except type(error):
        reporter = get_exception_reporter_class(request)(request, *sys.exc_info())
    return reporter.get_traceback_html() + reporter.get_traceback_text()


def assert_hidden(shown: str) -> None:
    assert [word for word in WORDS if word in shown] == []


def connect(password: str) -> None:
    conn_params = {"user": "our user", "password": password}
    conninfo = " ".join(f"{name}={value!r}" for name, value in conn_params.items())
    sent = conninfo.encode()
    raise ConnectionError(f"{len(sent)} bytes are wrong")


def test_settings_are_shown_without_their_secrets() -> None:
    shown = report(ValueError("wrong"))
    assert "SWITCHYARD_BROKER_MANAGEMENT_URL" in shown
    assert "@other/v" in shown
    assert_hidden(shown)


def test_the_variables_of_a_failed_login_are_hidden_however_short_the_password() -> None:
    try:
        connect(SHORT)
    except ConnectionError as error:
        shown = report(error)
    assert "our user" in shown
    assert_hidden(shown)


def test_a_secret_of_the_settings_is_hidden_wherever_it_stands() -> None:
    told = [LONG, repr(LONG), django_settings.CELERY_BROKER_URL]
    assert_hidden(report(ValueError(" and ".join(told))))


def test_what_is_named_like_a_secret_but_is_a_class_stays() -> None:
    assert "ModelBackend is wrong" in report(ValueError("ModelBackend is wrong"))
