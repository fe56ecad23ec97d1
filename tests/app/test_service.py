"""The service's own work through real workers: a sign-up, a report, and what happens when a report fails."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from django.contrib.auth.models import User

from app.accounts.tasks import send_welcome_email
from app.reports.canvas import start
from app.reports.models import Part, Report
from app.webhooks.events import record
from app.webhooks.models import Delivery, Kind, Target
from deploy.local.ports import LOOPBACK
from tests.live.processes import Processes, eventually
from tests.mailbox import Mailbox
from tests.receiver import Receiver


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as mailbox:
        yield mailbox


@pytest.fixture
def workers(yard: Processes, mailbox: Mailbox) -> Processes:
    """Both workers, with a mail server, and allowed to deliver to this machine."""
    reach = {"EMAIL_HOST": LOOPBACK, "EMAIL_PORT": str(mailbox.port), "WEBHOOKS_ALLOW_PRIVATE": "1"}
    yard.worker("io", env=reach)
    yard.worker("cpu", env=reach)
    yard.relay()
    return yard


@pytest.fixture
def ada(workers: Processes) -> User:
    return User.objects.create_user("ada@example.com", "ada@example.com")


def state_of(report: Report, *wanted: str) -> Any:
    return Report.objects.filter(pk=report.pk, state__in=wanted).first()


def test_a_report_is_counted_combined_delivered_and_mailed(ada: User, mailbox: Mailbox) -> None:
    with Receiver() as receiver:
        Target.objects.create(owner=ada, url=receiver.url, events=[Kind.REPORT_DONE])
        report = Report.objects.create(owner=ada, days=30)
        start(report)
        eventually(lambda: receiver.received and mailbox.mails)
        assert str(report.pk) in receiver.received[0].body.decode()
        assert str(report.pk) in mailbox.mails[0].get_content()
        eventually(lambda: Delivery.objects.filter(state="delivered").exists())
    assert Report.objects.get(pk=report.pk).progress_percent == 100


def test_a_report_whose_part_fails_for_good_is_failed(ada: User) -> None:
    report = Report.objects.create(owner=ada, days=30, created_at=datetime(1, 1, 2, tzinfo=UTC))
    start(report)
    assert eventually(lambda: state_of(report, "done", "failed")).state == "failed"


def test_a_report_that_cannot_be_combined_is_failed(ada: User, mailbox: Mailbox) -> None:
    report = Report.objects.create(owner=ada, days=30)
    Part.objects.create(report=report, index=0, counts=["not", "counts"])
    start(report)
    assert eventually(lambda: state_of(report, "done", "failed")).state == "failed"
    assert not mailbox.mails


def test_a_hundred_letters_share_the_few_connections_of_the_io_worker(ada: User, mailbox: Mailbox) -> None:
    users = [User.objects.create_user(f"{n}@example.com", f"{n}@example.com") for n in range(100)]
    for user in users:
        send_welcome_email.delay(user.pk)
    eventually(lambda: len(mailbox.mails) == 100)
    assert len({mail["Message-ID"] for mail in mailbox.mails}) == 100


def test_a_hundred_deliveries_are_each_received_once(ada: User) -> None:
    with Receiver() as receiver:
        Target.objects.create(owner=ada, url=receiver.url, events=[Kind.USER_SIGNED_UP])
        for number in range(100):
            record(Kind.USER_SIGNED_UP, {"user_id": number})
        eventually(lambda: Delivery.objects.filter(state="delivered").count() == 100)
        assert len(receiver.received) == 100


def test_a_request_is_found_again_in_the_lines_of_its_tasks(yard: Processes, web) -> None:
    process, url = web
    worker, relay = yard.worker("io", env={"EMAIL_PORT": "1"}), yard.relay()
    response = httpx.post(f"{url}/signup", json={"email": "ada@example.com"}, timeout=30)
    assert response.status_code == 202
    [request] = eventually(lambda: process.events("request_finished"))
    [line, *_] = eventually(lambda: worker.events("task_finished"))
    assert line["task"] == "accounts.send_welcome_email"
    for found in (line, process.events("task_accepted")[0], relay.events("task_sent")[0]):
        assert found["request_id"] == request["request_id"]
