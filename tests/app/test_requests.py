"""Web accepts work with the broker unreachable: every view, and the admin's action."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from kombu import Connection

from app.webhooks.models import Delivery, DeliveryState, Event, Kind, Target
from switchyard.outbox.models import Message
from tests.app.conftest import Person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def nobody_asks_the_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """It could not answer (tests/settings.py), but the attempt alone would take a request's time."""

    def connect(*_: Any, **__: Any) -> None:
        pytest.fail("the broker was asked")

    monkeypatch.setattr(Connection, "_ensure_connection", connect)
    monkeypatch.setattr(Connection, "_establish_connection", connect)


def kept() -> list[str]:
    return list(Message.objects.order_by("id").values_list("task", flat=True))


def test_a_signup_is_accepted_with_its_mail_and_its_webhooks() -> None:
    staff = User.objects.create_user("staff", is_staff=True)
    Target.objects.create(owner=staff, url="https://example.com/", events=[Kind.USER_SIGNED_UP])
    answer = Client().post(
        "/signup", {"email": "ada@example.com", "name": "Ada"}, content_type="application/json"
    )
    assert answer.status_code == 202
    assert sorted(kept()) == ["accounts.send_welcome_email", "webhooks.deliver"]


def test_a_signup_with_a_known_address_keeps_a_letter_and_nothing_else(ada: Person) -> None:
    answer = Client().post(
        "/signup", {"email": "ada@example.com", "name": "Ada"}, content_type="application/json"
    )
    assert answer.status_code == 202
    assert kept() == ["accounts.send_token"]


def test_a_report_is_accepted_with_all_its_parts(ada: Person) -> None:
    assert ada.post("/reports", {"days": 30}).status_code == 202
    assert kept() == ["reports.count_part"] * 10


def test_a_target_is_accepted(ada: Person) -> None:
    body = {"url": "https://93.184.216.34/", "events": [Kind.REPORT_DONE]}
    assert ada.post("/webhooks", body).status_code == 201
    assert kept() == ["webhooks.confirm"]


def test_the_admin_sends_a_failed_delivery_again(ada: Person) -> None:
    target = Target.objects.create(owner=ada.user, url="https://example.com/", events=[])
    event = Event.objects.create(kind=Kind.REPORT_DONE, occurred_at=timezone.now())
    delivery = Delivery.objects.create(target=target, event=event, state=DeliveryState.FAILED)
    admin = Client()
    admin.force_login(User.objects.create_superuser("root"))
    answer = admin.post(
        "/admin/webhooks/delivery/", {"action": "deliver_again", "_selected_action": [str(delivery.pk)]}
    )
    assert answer.status_code == 302
    assert kept() == ["webhooks.deliver"]
    assert admin.get("/admin/switchyard/message/").status_code == 200
