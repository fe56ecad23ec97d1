"""The log does not tell what is secret in the address of a request, as in that of a password reset."""

import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.core import mail
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import include, path

from switchyard.process.request_lines import address


def broken(_: HttpRequest, token: str) -> HttpResponse:
    raise ValueError("its own fault")


urlpatterns = [
    # The pages of a reset are the admin's.
    path("admin/", admin.site.urls),
    path("", include("django.contrib.auth.urls")),
    path("broken/<str:token>/", broken),
]


@pytest.fixture
def client(settings: Any, db: None) -> Client:
    settings.ROOT_URLCONF = __name__
    settings.DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = logging.INFO
    return Client(raise_request_exception=False)


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[Any]:
    """What django-structlog wrote."""
    caplog.set_level(logging.DEBUG)

    def lines() -> list[str]:
        return [str(record.msg) for record in caplog.records if record.name.startswith("django_structlog")]

    return lines


def test_a_reset_of_a_password_leaves_no_token_in_the_log(client: Client, lines: Any) -> None:
    User.objects.create_user("ada", "ada@example.com", "old")
    assert client.post("/password_reset/", {"email": "ada@example.com"}).status_code == 302
    [link] = re.findall(r"/reset/\S+", mail.outbox[0].body)
    token = link.split("/")[3]
    confirm = client.get(link).headers["Location"]
    assert client.get(confirm).status_code == 200
    new = {"new_password1": "a-new-passphrase-7", "new_password2": "a-new-passphrase-7"}
    assert client.post(confirm, new).status_code == 302
    assert User.objects.get().check_password("a-new-passphrase-7")
    assert any("/reset/" in line for line in lines())
    assert not [line for line in lines() if token in line]


def test_a_request_that_fails_leaves_no_token_either(client: Client, lines: Any) -> None:
    assert client.get("/broken/hush/", {"page": "2", "api_key": "hush", "empty": ""}).status_code == 500
    assert any("request_failed" in line for line in lines())
    assert not [line for line in lines() if "hush" in line.partition("exception")[0]]


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("/nowhere/a%20b/?q=a+b&page=2", "/nowhere/a%20b/?q=a+b&page=2"),
        ("/nowhere/?token=hush&page=2", "/nowhere/?token=********************&page=2"),
        ("/reset/MQ/abc-hush/", "/reset/MQ/********************/"),
        ("/nowhere/", "/nowhere/"),
    ],
)
def test_an_address_is_as_it_came_but_for_what_is_secret(
    rf: Any, settings: Any, asked: str, shown: str
) -> None:
    settings.ROOT_URLCONF = __name__
    assert address(rf.get(asked)) == shown
