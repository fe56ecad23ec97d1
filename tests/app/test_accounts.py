"""Signing up, and what a sign-up starts."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import F
from django.test import Client, RequestFactory
from django.utils import timezone

from app.accounts import limits
from app.accounts.body import DEPTH_LIMIT
from app.accounts.client import client_address
from app.accounts.models import Allowance, Token, digest_of
from app.accounts.throttle import Bucket, TooMany, admit
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


def token_in(mailbox: Mailbox) -> str:
    found = re.search(r"^ {4}([\w-]{43})\r?$", mailbox.mails[-1].get_payload(), re.MULTILINE)
    assert found
    return found[1]


def opens(client: Client, secret: str) -> bool:
    """Whether the service asks for more than who it is."""
    return client.post("/reports", {}, headers={"Authorization": f"Bearer {secret}"}).status_code == 400


def test_a_signup_sends_one_mail_whose_token_opens_the_service(
    signup: Any, client: Client, mailbox: Mailbox, sent_tasks: SentTasks
) -> None:
    answer = signup()
    assert (answer.status_code, answer.json()["email"]) == (202, "ada@example.com")
    assert [(sent.task, sent.args) for sent in sent_tasks] == [
        ("accounts.send_welcome_email", [User.objects.get().pk])
    ]
    sent_tasks.run_all()
    assert [mail["To"] for mail in mailbox.mails] == ["ada@example.com"]
    assert opens(client, token_in(mailbox))
    assert Token.objects.get().digest == digest_of(token_in(mailbox))


def test_no_answer_tells_whether_an_address_is_known(signup: Any) -> None:
    first, second = signup(), signup({"email": "ADA@example.com"})
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert User.objects.count() == Event.objects.count() == 1


def test_an_account_whose_token_has_expired_gets_another_by_mail(
    signup: Any, client: Client, mailbox: Mailbox, sent_tasks: SentTasks
) -> None:
    signup()
    sent_tasks.run_all()
    lost = token_in(mailbox)
    Token.objects.update(expires_at=timezone.now())
    sent_tasks.clear()
    signup()
    sent_tasks.run_all()
    assert not opens(client, lost)
    assert opens(client, token_in(mailbox))
    assert [mail["To"] for mail in mailbox.mails] == ["ada@example.com"] * 2


def test_a_user_who_was_switched_off_gets_no_token(signup: Any, sent_tasks: SentTasks) -> None:
    signup()
    User.objects.update(is_active=False)
    sent_tasks.clear()
    assert signup().status_code == 202
    assert not sent_tasks


def test_a_new_user_has_no_password_and_the_event_names_nobody(signup: Any) -> None:
    signup()
    user, event = User.objects.get(), Event.objects.get()
    assert (user.username, user.email) == ("ada@example.com", "ada@example.com")
    assert not user.has_usable_password()
    assert (event.kind, event.data) == ("user.signed_up", {"user_id": user.pk})


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


@pytest.mark.parametrize(
    ("depth", "reason"), [(DEPTH_LIMIT, "Unknown field"), (DEPTH_LIMIT + 2, "deep in each other")]
)
def test_a_body_has_so_many_levels(signup: Any, depth: int, reason: str) -> None:
    deep: Any = {}
    for _ in range(depth - 1):
        deep = [deep]
    assert reason in str(signup({"deep": deep}).json()["errors"])


def test_too_many_signups_from_an_address_must_wait(signup: Any, settings: Any) -> None:
    settings.SIGNUPS_PER_HOUR = 2
    assert [signup({"email": f"{n}@example.com"}).status_code for n in range(3)] == [202, 202, 429]
    answer = signup({"email": "more@example.com"})
    assert 1790 <= int(answer.headers["Retry-After"]) <= 1800
    assert "Try again in" in answer.json()["errors"]["address"][0]
    Allowance.objects.update(empty_at=F("empty_at") - timedelta(minutes=31))
    assert signup({"email": "more@example.com"}).status_code == 202


def test_a_mailbox_gets_so_many_mails_whoever_enters_its_address(signup: Any) -> None:
    statuses = [signup().status_code for _ in range(limits.MAILS_PER_HOUR + 1)]
    assert statuses == [202] * limits.MAILS_PER_HOUR + [429]


def test_a_limit_of_0_admits_nobody(signup: Any, settings: Any) -> None:
    settings.SIGNUPS_PER_HOUR = 0
    assert signup().status_code == 429
    assert not User.objects.exists()


def test_all_together_have_a_limit_and_what_is_refused_takes_nothing(signup: Any, settings: Any) -> None:
    settings.IN_TOTAL_PER_HOUR = 1
    assert [signup({"email": f"{n}@example.com"}).status_code for n in range(2)] == [202, 429]
    assert not Allowance.objects.filter(key__contains="1@example.com").exists()


@pytest.mark.django_db(transaction=True)
def test_those_at_the_same_moment_do_not_slip_past_the_limit() -> None:
    bucket = Bucket("test", "everybody", 3)

    def admitted(_: int) -> bool:
        try:
            admit(bucket)
        except TooMany:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(admitted, range(8))) == 3


def test_log_in_is_tried_so_often_by_an_address_and_by_a_name(
    client: Client, db: None, settings: Any
) -> None:
    settings.LOGINS_PER_HOUR = 2
    User.objects.create_superuser("root", password="right")

    def tried(name: str, address: str, password: str = "wrong") -> Any:  # noqa: S107
        form = {"username": name, "password": password}
        return client.post("/admin/login/", form, REMOTE_ADDR=address).status_code

    assert [tried("root", "192.0.2.1") for _ in range(3)] == [200, 200, 429]
    assert tried("ROOT", "192.0.2.1", "right") == 429
    assert tried("root", "192.0.2.2", "right") == 302
    spread = [tried("root", f"192.0.2.{n}") for n in range(10, 30)]
    assert 429 in spread


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "address"),
    [
        ("192.0.2.1", "203.0.113.9", False, "192.0.2.1"),
        ("192.0.2.1", "203.0.113.9, 198.51.100.7", True, "198.51.100.7"),
        ("192.0.2.1", None, True, "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", None, False, "2001:db8:1:2::/64"),
        ("192.0.2.1", "nonsense", True, "192.0.2.1"),
        ("192.0.2.1", "203.0.113.9, 198.51.100.7:443", True, "192.0.2.1"),
        ("::ffff:192.0.2.1", None, False, "192.0.2.1"),
        ("", None, False, "unknown"),
    ],
)
def test_a_client_is_known_by_an_address_it_cannot_choose(
    settings: Any, peer: str, forwarded: str | None, trusted: bool, address: str
) -> None:
    settings.TRUST_PROXY = trusted
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    request = RequestFactory(headers=headers).post("/signup", REMOTE_ADDR=peer)
    assert client_address(request) == address


@pytest.mark.parametrize(("proxies", "address"), [(1, "198.51.100.7"), (2, "203.0.113.9"), (3, "192.0.2.1")])
def test_the_client_is_so_many_from_the_right_as_there_are_proxies(
    settings: Any, proxies: int, address: str
) -> None:
    settings.TRUST_PROXY, settings.TRUSTED_PROXIES = True, proxies
    headers = {"X-Forwarded-For": "203.0.113.9, 198.51.100.7"}
    assert client_address(RequestFactory(headers=headers).get("/", REMOTE_ADDR="192.0.2.1")) == address


def test_an_address_that_is_no_endpoint_is_answered_in_json(client) -> None:
    assert client.get("/nowhere").json() == {"errors": {"path": ["Nothing is found at this address."]}}
