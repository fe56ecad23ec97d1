"""People, and the servers they have: a mailbox and a receiver of webhooks."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from app.accounts.models import Token
from deploy.local.ports import LOOPBACK
from tests.live.conftest import environment, processes, vhost, web, yard  # noqa: F401 - fixtures
from tests.mailbox import Mailbox
from tests.receiver import Receiver


class Person:
    """A user with a token, and the client that holds it."""

    def __init__(self, email: str) -> None:
        self.user = User.objects.create_user(email, email)
        _, secret = Token.objects.issue(self.user)
        self._client = Client(headers={"Authorization": f"Bearer {secret}"})

    def get(self, path: str) -> Any:
        return self._client.get(path)

    def post(self, path: str, body: Any) -> Any:
        return self._client.post(path, body, content_type="application/json")


@pytest.fixture
def ada(db: None) -> Person:
    return Person("ada@example.com")


@pytest.fixture
def bob(db: None) -> Person:
    return Person("bob@example.com")


@pytest.fixture
def mailbox(settings: Any) -> Iterator[Mailbox]:
    """The mail server of the service for the length of a test."""
    with Mailbox() as mailbox:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = LOOPBACK, mailbox.port
        yield mailbox


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    """A target on this machine, which is allowed for the length of a test."""
    settings.WEBHOOKS_ALLOW_PRIVATE = True
    with Receiver() as receiver:
        yield receiver
