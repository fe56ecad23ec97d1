"""Signing up, and what a sign-up starts."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client, RequestFactory
from django.utils import timezone

from app.accounts import throttle
from app.accounts.models import SignUp, Token, digest_of
from app.webhooks.models import Event
from switchyard.pytest_plugin import SentTasks
from tests.mailbox import Mailbox

ADA = {"email": "Ada@Example.com", "name": "Ada"}


@pytest.fixture
def signup(client: Client, db: None, sent_tasks: SentTasks, django_capture_on_commit_callbacks: Any) -> Any:
    def post(body: Any = ADA) -> Any:
        with django_capture_on_commit_callbacks(execute=True):
            return client.post("/signup", body, content_type="application/json")

    return post


def test_a_signup_answers_with_a_token_that_opens_the_service(signup: Any, client: Client) -> None:
    answer = signup()
    assert answer.status_code == 201
    assert answer.json()["email"] == "ada@example.com"
    bearer = {"Authorization": f"Bearer {answer.json()['token']}"}
    assert client.post("/reports", {}, headers=bearer).status_code == 400


def test_a_signup_sends_one_welcome_mail(signup: Any, mailbox: Mailbox, sent_tasks: SentTasks) -> None:
    user_id = signup().json()["id"]
    assert [(sent.task, sent.args) for sent in sent_tasks] == [("accounts.send_welcome_email", [user_id])]
    sent_tasks.run_all()
    assert [mail["To"] for mail in mailbox.mails] == ["ada@example.com"]


def test_only_a_digest_of_the_token_is_stored(signup: Any) -> None:
    secret = signup().json()["token"]
    token = Token.objects.get()
    assert token.digest == digest_of(secret)
    assert secret not in str(vars(token))


def test_a_new_user_has_no_password_and_the_event_names_nobody(signup: Any) -> None:
    signup()
    user, event = User.objects.get(), Event.objects.get()
    assert (user.username, user.email) == ("ada@example.com", "ada@example.com")
    assert not user.has_usable_password()
    assert (event.kind, event.data) == ("user.signed_up", {"user_id": user.pk})


def test_an_address_can_be_registered_once(signup: Any, sent_tasks: SentTasks) -> None:
    signup()
    answer = signup({"email": "ADA@example.com"})
    assert answer.status_code == 400
    assert answer.json() == {"errors": {"email": ["An account with this address exists already."]}}
    assert (len(sent_tasks), Event.objects.count(), Token.objects.count()) == (1, 1, 1)


@pytest.mark.parametrize(
    ("body", "field", "reason"),
    [
        ({}, "email", "required"),
        ({"email": None}, "email", "required"),
        ({"email": 7}, "email", "Expected text, got a number."),
        ({"email": "ada"}, "email", "valid email"),
        ({"email": '"a"@example.com'}, "email", "Quoted"),
        ({"email": f"{'a' * 60}@{'b' * 60}.{'c' * 60}.com"}, "email", "at most 150"),
        ({"email": f"{'a' * 60}@{'ä' * 40}.{'ä' * 40}.com"}, "email", "at most 150 characters, got"),
        ({"email": f"ada@{'ä' * 62}.example"}, "email", "not a valid one"),
        ({"email": "ada@example.com", "name": ["Ada"]}, "name", "Expected text, got a list."),
        ({"email": "ada@example.com", "name": "A\0da"}, "name", "Null characters"),
        ({"email": "ada@example.com", "admin": True}, "admin", "Known are: email, name."),
    ],
)
def test_a_wrong_signup_is_refused_field_by_field(signup: Any, body: Any, field: str, reason: str) -> None:
    answer = signup(body)
    assert answer.status_code == 400
    assert reason in answer.json()["errors"][field][0]
    assert not User.objects.exists()


def test_too_many_signups_from_an_address_must_wait(signup: Any, settings: Any) -> None:
    settings.SIGNUPS_PER_HOUR = 2
    assert [signup({"email": f"{n}@example.com"}).status_code for n in range(3)] == [201, 201, 429]
    answer = signup({"email": "more@example.com"})
    assert 3590 <= int(answer.headers["Retry-After"]) <= 3601
    assert "Try again in" in answer.json()["errors"]["address"][0]
    SignUp.objects.update(created_at=timezone.now() - timedelta(minutes=61))
    assert signup({"email": "more@example.com"}).status_code == 201


def test_addresses_that_are_taken_cannot_be_found_out_without_limit(signup: Any, settings: Any) -> None:
    settings.SIGNUPS_PER_HOUR = 2
    assert [signup().status_code for _ in range(3)] == [201, 400, 429]


@pytest.mark.django_db(transaction=True)
def test_signups_at_the_same_moment_do_not_slip_past_the_limit(settings: Any) -> None:
    settings.SIGNUPS_PER_HOUR = 3

    def admitted(_: int) -> bool:
        try:
            throttle.admit("192.0.2.1")
        except throttle.TooManySignUps:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(admitted, range(8))) == 3


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "address"),
    [
        ("192.0.2.1", "203.0.113.9", False, "192.0.2.1"),
        ("192.0.2.1", "203.0.113.9, 198.51.100.7", True, "198.51.100.7"),
        ("192.0.2.1", None, True, "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", None, False, "2001:db8:1:2::/64"),
        ("", None, False, "unknown"),
    ],
)
def test_a_client_is_known_by_an_address_it_cannot_choose(
    settings: Any, peer: str, forwarded: str | None, trusted: bool, address: str
) -> None:
    settings.TRUST_PROXY = trusted
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    request = RequestFactory(headers=headers).post("/signup", REMOTE_ADDR=peer)
    assert throttle.client_address(request) == address


def test_an_address_that_is_no_endpoint_is_answered_in_json(client) -> None:
    assert client.get("/nowhere").json() == {"errors": {"path": ["Nothing is found at this address."]}}
